//! Metrics and health, as whoever measures sees them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

mod fixture;
mod openmetrics;

use fixture::{CONFIG, PATIENCE, Rig, gpiod, raw};
use gpiod::board::record::Change;
use gpiod_proto::v1::{ReadRequest, WatchRequest};
use gpiod_sdk::{Client, LineUse, Program, Value};
use nix::sys::signal::{Signal, kill};
use openmetrics::{Samples, parse};
use std::future::Future;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// A daemon that is measured.
struct Measured {
    rig: Rig,
    address: SocketAddr,
}

impl Measured {
    async fn start(config: &str) -> Self {
        let mut rig = Rig::board_alone(config, "").await;
        rig.start_daemon_with(&["--metrics", "127.0.0.1:0"]).await;
        let log = rig.log();
        let line = log.lines().find(|line| line.contains(r#""message":"metrics""#)).expect("it says where");
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let address = line["address"].as_str().unwrap().parse().unwrap();
        Self { rig, address }
    }

    async fn get(&self, path: &str) -> Response {
        ask(TcpStream::connect(self.address).await.unwrap(), "GET", path).await.unwrap()
    }

    async fn scrape(&self) -> Samples {
        let response = self.get("/metrics").await;
        assert_eq!(response.status, 200);
        parse(&response.body)
    }

    /// Scrapes until it is like this.
    async fn until(&self, like: impl Fn(&Samples) -> bool) -> Samples {
        let wait = async {
            loop {
                let samples = self.scrape().await;
                if like(&samples) {
                    return samples;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("it comes to be so: {}", self.rig.log()))
    }
}

#[derive(Debug)]
struct Response {
    status: u16,
    head: String,
    body: String,
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    method: &str,
    path: &str,
) -> std::io::Result<Response> {
    stream.write_all(format!("{method} {path} HTTP/1.1\r\nhost: gpiod\r\n\r\n").as_bytes()).await?;
    let mut text = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await.expect("it answers")?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Response { status, head: head.to_lowercase(), body: body.to_owned() })
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect(what)
}

#[tokio::test]
async fn counters_move_as_clients_do() {
    let daemon = Measured::start(CONFIG).await;
    let before = daemon.scrape().await;
    let groups = ["admin", "bench", "light-sensor", "traffic-light"].map(str::to_owned);
    assert_eq!(before.values_of("group"), groups.into(), "each group is there before anybody comes");
    assert!(before.get("process_resident_memory_bytes") > 1e6);
    assert!(before.get("process_open_fds") > 5.0 && before.get("process_start_time_seconds") > 1e9);
    for (name, value) in [
        ("gpiod_starts_total", 1.0),
        (concat!("gpiod_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
        ("gpiod_part_answered{part=\"main\"}", 1.0),
        ("gpiod_state_file_failures_total", 0.0),
        ("gpiod_holders{group=\"bench\"}", 0.0),
    ] {
        assert!(before.get(name) == value, "{name} is {}", before.get(name));
    }
    let client = daemon.rig.client("bench").await;
    let session = client.session().output("out").open().await.unwrap();
    let watch = session.watch(["out"]).open().await.unwrap();
    for value in [Value::Active, Value::Inactive, Value::Active] {
        session.write([("out", value)]).await.unwrap();
    }
    session.batch().read(["out"]).write([("out", Value::Inactive)]).send().await.unwrap();
    session.feed().await.unwrap();
    client.write([("lamp", Value::Active)]).await.unwrap();
    let after = daemon.scrape().await;
    for (name, value) in [
        ("gpiod_commands_total{group=\"bench\",kind=\"open\"}", 1.0),
        ("gpiod_commands_total{group=\"bench\",kind=\"write\"}", 5.0),
        ("gpiod_commands_total{group=\"bench\",kind=\"read\"}", 1.0),
        ("gpiod_commands_total{group=\"bench\",kind=\"batch\"}", 1.0),
        ("gpiod_commands_total{group=\"bench\",kind=\"feed\"}", 1.0),
        ("gpiod_commands_total{group=\"bench\",kind=\"watch\"}", 1.0),
        ("gpiod_commands_total{group=\"traffic-light\",kind=\"write\"}", 0.0),
        ("gpiod_events_total{group=\"bench\"}", 4.0),
        ("gpiod_holders{group=\"bench\"}", 1.0),
        ("gpiod_sessions{group=\"bench\"}", 1.0),
        ("gpiod_watches{group=\"bench\"}", 1.0),
        ("gpiod_connections{group=\"bench\"}", 1.0),
        ("gpiod_connections{group=\"traffic-light\"}", 0.0),
    ] {
        assert!(after.get(name) == value, "{name} is {}", after.get(name));
    }
    drop(watch);
    session.close().await.unwrap();
    let ended = daemon.until(|samples| samples.get("gpiod_watches{group=\"bench\"}") == 0.0).await;
    assert!(ended.get("gpiod_releases_total{cause=\"ended\"}") == 1.0);
    assert!(ended.get("gpiod_events_total{group=\"bench\"}") == 4.0, "what was counted stays");
}

#[tokio::test]
async fn what_a_watch_socket_refuses_is_counted_as_asked_for() {
    let daemon = Measured::start(CONFIG).await;
    let client = Client::at(daemon.rig.watch_socket("bench")).connect().await.unwrap();
    client.write([("lamp", Value::Active)]).await.unwrap_err();
    client.session().output("out").open().await.unwrap_err();
    let program = Program::new().set([("out", Value::Active)]);
    client.run_program([LineUse::output("out")], &program).await.unwrap_err();
    let after = daemon.scrape().await;
    for kind in ["write", "open", "program"] {
        let name = format!("gpiod_commands_total{{group=\"bench\",kind=\"{kind}\"}}");
        assert!(after.get(&name) == 1.0, "{name} is {}", after.get(&name));
    }
}

#[tokio::test]
async fn a_killed_client_is_a_release_by_its_cause_and_one_that_is_waited_for_is_away() {
    let grace = "[[group]]\nname = \"patient\"\ngrace = \"1h\"\nlines.fan = { line = \"GPIO21\", direction = \"output\" }\n";
    let daemon = Measured::start(&format!("{CONFIG}\n{grace}")).await;
    for (group, line) in [("bench", "out=active"), ("patient", "fan=active")] {
        let mut command = gpiod();
        command.arg("set").arg("--socket").arg(daemon.rig.socket(group)).arg("--hold").arg(line);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        daemon.until(|samples| samples.get(&format!("gpiod_holders{{group=\"{group}\"}}")) == 1.0).await;
        child.kill().await.unwrap();
    }
    daemon.until(|samples| samples.get("gpiod_releases_total{cause=\"broken\"}") == 1.0).await;
    let samples = daemon.until(|samples| samples.get("gpiod_holders_away{group=\"patient\"}") == 1.0).await;
    assert!(samples.get("gpiod_holders{group=\"patient\"}") == 0.0);
    daemon.until(|samples| samples.get("gpiod_connections{group=\"bench\"}") == 0.0).await;
}

#[tokio::test]
async fn events_that_a_slow_watcher_loses_are_counted_by_their_cause() {
    let daemon = Measured::start(&format!("{CONFIG}\n[limits]\nwatch_events = 16\n")).await;
    let mut slow = raw(&daemon.rig.socket("bench")).await;
    let request = WatchRequest { lines: vec!["out".to_owned()], ..Default::default() };
    let _unread = slow.watch(request).await.unwrap();
    let session = daemon.rig.client("bench").await.session().output("out").open().await.unwrap();
    // One batch is done in one turn of the reactor: the watcher can not take anything meanwhile.
    let mut batch = session.batch();
    for i in 0..100 {
        batch = batch.write([("out", if i % 2 == 0 { Value::Active } else { Value::Inactive })]);
    }
    batch.send().await.unwrap();
    let samples = daemon.scrape().await;
    assert!(samples.get("gpiod_losses_total{cause=\"watcher\"}") >= 84.0);
    assert!(samples.get("gpiod_losses_total{cause=\"kernel\"}") == 0.0);
    assert!(samples.get("gpiod_events_total{group=\"bench\"}") == 100.0);
}

#[tokio::test]
async fn a_limit_that_is_reached_is_counted_by_its_key() {
    let daemon = Measured::start(&format!("{CONFIG}\n[limits]\nsessions = 1\n")).await;
    let client = daemon.rig.client("bench").await;
    let _first = client.session().output("out").open().await.unwrap();
    client.session().input("in").open().await.unwrap_err();
    let samples = daemon.scrape().await;
    assert!(samples.get("gpiod_limit_hits_total{limit=\"limits.sessions\"}") == 1.0);
    assert_eq!(samples.values_of("limit").len(), 1);
}

#[tokio::test]
async fn what_asks_for_too_much_by_itself_is_counted_by_the_limits_key() {
    let daemon = Measured::start(CONFIG).await;
    let mut large = raw(&daemon.rig.socket("bench")).await;
    large.read(ReadRequest { lines: vec!["x".repeat(70_000)] }).await.unwrap_err();
    let client = daemon.rig.client("bench").await;
    let session = client.session().output("out").open().await.unwrap();
    let long = Program::new().wait(Duration::from_secs(3600));
    client.run_program([LineUse::input("in")], &long).await.unwrap_err();
    session.program(&long).await.unwrap_err();
    let mut batch = session.batch();
    for _ in 0..257 {
        batch = batch.write([("out", Value::Active)]);
    }
    batch.send().await.unwrap_err();
    let samples = daemon.scrape().await;
    for (limit, count) in [("message_bytes", 1.0), ("program_ms", 2.0), ("batch_operations", 1.0)] {
        let hits = samples.get(&format!("gpiod_limit_hits_total{{limit=\"limits.{limit}\"}}"));
        assert!(hits == count, "{limit}: {hits}");
    }
    let refused = client.run_program([LineUse::input("in")], &long).await.unwrap_err();
    assert!(!refused.is_retryable(), "{refused}");
}

#[tokio::test]
async fn reloads_and_starts_are_counted() {
    let mut daemon = Measured::start(CONFIG).await;
    // It has begun to look at its file.
    daemon.scrape().await;
    let good = std::fs::read_to_string(daemon.rig.path("gpiod.toml")).unwrap();
    std::fs::write(daemon.rig.path("gpiod.toml"), format!("{good}\nnonsense = 1\n")).unwrap();
    daemon.until(|samples| samples.get("gpiod_reloads_total{outcome=\"refused\"}") >= 1.0).await;
    std::fs::write(daemon.rig.path("gpiod.toml"), &good).unwrap();
    daemon.until(|samples| samples.get("gpiod_reloads_total{outcome=\"taken\"}") >= 1.0).await;
    daemon.rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    daemon.rig.start_daemon_with(&["--metrics", &daemon.address.to_string()]).await;
    assert!(daemon.scrape().await.get("gpiod_starts_total") == 2.0);
}

#[tokio::test]
async fn a_daemon_that_waits_for_its_clients_is_not_healthy_any_more() {
    let daemon = Measured::start(CONFIG).await;
    assert_eq!(daemon.get("/healthz").await.status, 200);
    // A client that has begun to speak and then says nothing: it is waited for.
    let mut client = UnixStream::connect(daemon.rig.socket("bench")).await.unwrap();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    // Until its settings were taken: whoever has not begun by then is not waited for.
    let (mut head, settings_taken) = ([0; 9], [4, 1]);
    while head[3..5] != settings_taken {
        client.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        client.read_exact(&mut vec![0; length as usize]).await.unwrap();
    }
    kill(daemon.rig.daemon.as_ref().unwrap().pid(), Signal::SIGTERM).unwrap();
    let unhealthy = async {
        loop {
            let response = daemon.get("/healthz").await;
            if response.status == 503 {
                return response;
            }
        }
    };
    assert_eq!(within("it says so", unhealthy).await.body, "stopping\n");
}

#[tokio::test]
async fn nothing_else_is_there_and_nothing_but_get_and_head() {
    let daemon = Measured::start(CONFIG).await;
    let ask = async |method: &str, path: &str| {
        ask(TcpStream::connect(daemon.address).await.unwrap(), method, path).await.unwrap()
    };
    for (method, path, status) in [
        ("GET", "/metrics?name[]=x", 200),
        ("HEAD", "/metrics", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/", 404),
        ("POST", "/metrics/", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/healthz", 405),
        ("OPTIONS", "/metrics", 405),
    ] {
        let response = ask(method, path).await;
        assert_eq!(response.status, status, "{method} {path}");
        assert!(method != "HEAD" || response.body.is_empty(), "{response:?}");
        assert!(status != 405 || response.head.contains("allow: get, head"), "{response:?}");
    }
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(ask("GET", "/metrics").await.head.contains(kind));
}

#[tokio::test]
async fn a_unix_socket_does_as_well() {
    let mut rig = Rig::board_alone(CONFIG, "").await;
    let path = rig.path("metrics.sock");
    rig.start_daemon_with(&["--metrics", &format!("unix:{}", path.display())]).await;
    let response = ask(UnixStream::connect(&path).await.unwrap(), "GET", "/metrics").await.unwrap();
    parse(&response.body);
}

#[tokio::test]
async fn clients_that_only_take_up_room_keep_out_nobody() {
    let daemon = Measured::start(CONFIG).await;
    let mut hostile = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(daemon.address).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nslow: ").await.unwrap();
        hostile.push(stream);
    }
    daemon.scrape().await;
    daemon.rig.client("bench").await.read(["in"]).await.unwrap();
    // They are ended, whether they made room or were too slow.
    for mut stream in hostile {
        let mut answer = Vec::new();
        let _ = within("it is ended", stream.read_to_end(&mut answer)).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
    let mut large = TcpStream::connect(daemon.address).await.unwrap();
    let header = format!("GET /metrics HTTP/1.1\r\nlarge: {}\r\n\r\n", "x".repeat(100_000));
    // It may be cut off before all is sent.
    let _ = large.write_all(header.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = within("it is ended", large.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    daemon.scrape().await;
}

#[tokio::test]
async fn an_address_that_can_not_be_had_is_told_before_anything_is_driven() {
    let rig = Rig::board_alone(CONFIG, "").await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = gpiod();
    command.arg("serve").arg("--config").arg(rig.path("gpiod.toml")).args(["--metrics", &address]);
    let output = within("it ends", command.output()).await.unwrap();
    assert_eq!(output.status.code(), Some(71));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&format!("metrics at {address}: ")), "{error}");
    let record = rig.board().await.record(0).await.unwrap().entries;
    assert!(!record.iter().any(|entry| entry.change == Change::Claim), "nothing was driven");
    let output = gpiod().args(["serve", "--metrics", "localhost"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));
}
