//! One process of the demo: started, awaited, listened to, stopped.

use crate::Failure;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How many lines of its output are kept for the case that it dies.
const LAST_LINES: usize = 12;
/// How long it may take to start, on a machine that is busy.
const START: Duration = Duration::from_secs(30);
/// How long it may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(5);

type Tail = Arc<Mutex<VecDeque<String>>>;

/// A running child, in a process group of its own: Ctrl-C is for the demo, which ends its children in their order.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    tail: Tail,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it. Lines of its standard output go to `lines` too.
    pub(crate) fn spawn(
        name: &'static str,
        mut command: Command,
        lines: Option<mpsc::Sender<String>>,
    ) -> Result<Self, Failure> {
        let spawned = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut child = spawned.map_err(|error| {
            let program = command.as_std().get_program();
            format!("{name} can not be started from {}: {error}", Path::new(program).display())
        })?;
        let tail = Tail::default();
        let mut readers = Vec::new();
        if let Some(out) = child.stdout.take() {
            readers.push(tokio::spawn(read(out, tail.clone(), lines)));
        }
        if let Some(err) = child.stderr.take() {
            readers.push(tokio::spawn(read(err, tail.clone(), None)));
        }
        Ok(Self { name, child, tail, readers })
    }

    /// Starts it and waits until it says that it is ready, as a service manager would: sd_notify(3).
    pub(crate) async fn spawn_ready(
        name: &'static str,
        mut command: Command,
        dir: &Path,
    ) -> Result<Self, Failure> {
        let path = dir.join(format!("{name}.notify"));
        let notify = UnixDatagram::bind(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        command.env("NOTIFY_SOCKET", &path);
        let mut process = Self::spawn(name, command, None)?;
        let mut message = [0; 512];
        tokio::select! {
            received = notify.recv(&mut message) => match received {
                Ok(_) => Ok(process),
                Err(error) => Err(format!("{name}: {error}")),
            },
            status = process.ended() => Err(process.obituary(status).await),
            () = tokio::time::sleep(START) => {
                Err(format!("{name} was not ready within {} s", START.as_secs()))
            }
        }
    }

    /// Done when it has ended.
    pub(crate) async fn ended(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }

    /// What to say of a process that ended by itself.
    pub(crate) async fn obituary(&mut self, status: Option<ExitStatus>) -> Failure {
        for reader in self.readers.drain(..) {
            // Its output ends with it, unless it has left a child of its own behind.
            let _ = timeout(STOP, reader).await;
        }
        let how = status.map_or_else(|| "in an unknown way".to_owned(), |status| status.to_string());
        let lines = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = format!("{} ended unexpectedly ({how})", self.name);
        if !lines.is_empty() {
            text += ", its last lines were:";
        }
        for line in lines.iter() {
            text += &format!("\n  {line}");
        }
        text
    }

    /// Asks it to end, and makes it end.
    pub(crate) async fn stop(&mut self) -> Result<(), Failure> {
        let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) else { return Ok(()) };
        // Fails where it has ended a moment ago: then there is nothing to end.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        if timeout(STOP, self.child.wait()).await.is_ok() {
            return Ok(());
        }
        let killed = self.child.kill().await;
        let after =
            format!("{} did not end within {} s of SIGTERM and was killed", self.name, STOP.as_secs());
        Err(killed.err().map_or(after.clone(), |error| format!("{after}: {error}")))
    }
}

/// Reads lines to their end: the last ones are kept, and all of them sent where somebody wants them.
async fn read(source: impl AsyncRead + Unpin, tail: Tail, sender: Option<mpsc::Sender<String>>) {
    let mut lines = BufReader::new(source).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        {
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            if tail.len() == LAST_LINES {
                tail.pop_front();
            }
            tail.push_back(line.clone());
        }
        if let Some(sender) = &sender {
            // Fails when the show is over.
            let _ = sender.send(line).await;
        }
    }
}
