//! What a client may do: calls with messages of the right shape and wrong ones, and bytes on the socket.

use arbitrary::{Arbitrary, Result, Unstructured};
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::{self, operation, step};
use prost::Message;
use prost::bytes::{Buf, BufMut};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_stream::StreamExt;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// How long an answer is waited for that may never come, or only after others.
const QUIET: Duration = Duration::from_millis(8);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A message as bytes: what it should be, and what is done to it.
#[derive(Clone, Debug)]
pub(crate) struct Bytes(Vec<u8>);

/// One thing that a client does.
#[derive(Debug)]
pub(crate) struct Call {
    socket: u8,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A call with these messages; whether the client then says that it has no more, and whether it stays.
    Grpc { path: &'static str, messages: Vec<Bytes>, ends: bool, stays: bool },
    /// Bytes on a connection of its own.
    Raw { greets: bool, bytes: Vec<u8> },
}

const PATHS: [&str; 12] = [
    "/gpiod.v1.GpioService/Session",
    "/gpiod.v1.GpioService/ListLines",
    "/gpiod.v1.GpioService/Read",
    "/gpiod.v1.GpioService/Write",
    "/gpiod.v1.GpioService/Watch",
    "/gpiod.v1.GpioService/Sample",
    "/gpiod.v1.GpioService/RunProgram",
    "/gpiod.v1.AdminService/ReleaseGroup",
    "/gpiod.v1.AdminService/ReloadConfig",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/no.such.Service/Method",
];

const NAMES: [&str; 8] = ["red", "shot", "either", "in", "up", "swift/red", "L3", ""];

fn name(u: &mut Unstructured<'_>) -> Result<String> {
    Ok((*u.choose(&NAMES)?).to_owned())
}

fn names(u: &mut Unstructured<'_>) -> Result<Vec<String>> {
    (0..u.int_in_range(0..=4)?).map(|_| name(u)).collect()
}

fn wanted(u: &mut Unstructured<'_>) -> Result<Vec<v1::SessionLine>> {
    let line = |u: &mut Unstructured<'_>| {
        Ok(v1::SessionLine {
            name: name(u)?,
            direction: u.int_in_range(0..=4)?,
            initial: u.int_in_range(0..=3)?,
        })
    };
    (0..u.int_in_range(0..=4)?).map(|_| line(u)).collect()
}

/// Mostly one that is taken, sometimes anything.
fn period(u: &mut Unstructured<'_>) -> Result<u64> {
    if u.ratio(1, 8)? { u.arbitrary() } else { u.int_in_range(5_000..=5_000_000) }
}

/// Mostly the first few lines, sometimes anything.
fn mask(u: &mut Unstructured<'_>) -> Result<u64> {
    if u.ratio(1, 8)? { u.arbitrary() } else { u.int_in_range(0..=15) }
}

fn nanoseconds(u: &mut Unstructured<'_>) -> Result<u64> {
    if u.ratio(1, 8)? { u.arbitrary() } else { u.int_in_range(0..=2_000_000) }
}

fn position(u: &mut Unstructured<'_>) -> Result<Option<v1::WatchPosition>> {
    if u.ratio(3, 4)? {
        return Ok(None);
    }
    let line_seqnos = u.arbitrary()?;
    let values = u.arbitrary::<Option<(u64, u64)>>()?;
    Ok(Some(v1::WatchPosition {
        epoch: u.arbitrary()?,
        line_seqnos,
        timestamp_ns: u.arbitrary()?,
        seqno: u.arbitrary()?,
        values: values.map(|(bits, timestamp_ns)| v1::Values { bits, timestamp_ns }),
        uncertainty_ns: u.arbitrary()?,
    }))
}

fn program(u: &mut Unstructured<'_>) -> Result<v1::Program> {
    let step = |u: &mut Unstructured<'_>| {
        let step = match u.int_in_range(0..=4)? {
            0 => step::Step::Set(v1::SetStep { mask: mask(u)?, bits: mask(u)? }),
            1 => step::Step::Direction(v1::DirectionStep {
                mask: mask(u)?,
                direction: u.int_in_range(0..=4)?,
                bits: mask(u)?,
            }),
            2 => step::Step::Wait(v1::WaitStep { duration_ns: nanoseconds(u)? }),
            3 => step::Step::Edge(v1::EdgeStep {
                mask: mask(u)?,
                edge: u.int_in_range(0..=4)?,
                timeout_ns: nanoseconds(u)?,
            }),
            _ => step::Step::Capture(v1::CaptureStep {
                mask: mask(u)?,
                edge: u.int_in_range(0..=4)?,
                count: u.arbitrary()?,
                timeout_ns: nanoseconds(u)?,
            }),
        };
        Ok(v1::Step { step: Some(step) })
    };
    let steps = (0..u.int_in_range(0..=5)?).map(|_| step(u)).collect::<Result<_>>()?;
    Ok(v1::Program { steps })
}

fn open(u: &mut Unstructured<'_>) -> Result<Command> {
    Ok(Command::Open(
        v1::OpenCommand {
            lines: wanted(u)?,
            client_name: "fuzz".to_owned(),
            watchdog_ns: if u.ratio(1, 4)? { nanoseconds(u)? } else { 0 },
            resume_token: if u.ratio(1, 8)? { u.arbitrary()? } else { Vec::new() },
        }
        .into(),
    ))
}

fn command(u: &mut Unstructured<'_>) -> Result<Command> {
    let operation = |u: &mut Unstructured<'_>| {
        let operation = if u.arbitrary()? {
            operation::Operation::Read(v1::ReadCommand { mask: mask(u)? })
        } else {
            operation::Operation::Write(v1::WriteCommand { mask: mask(u)?, bits: mask(u)? })
        };
        Ok(v1::Operation { operation: Some(operation) })
    };
    Ok(match u.int_in_range(0..=8)? {
        0 => open(u)?,
        1 => Command::Read(v1::ReadCommand { mask: mask(u)? }),
        2 => Command::Write(v1::WriteCommand { mask: mask(u)?, bits: mask(u)? }),
        3 => Command::Configure(v1::ConfigureCommand {
            mask: mask(u)?,
            direction: u.int_in_range(0..=4)?,
            bits: mask(u)?,
            bias: u.int_in_range(0..=4)?,
        }),
        4 => Command::Watch(
            v1::WatchCommand { mask: mask(u)?, edge: u.int_in_range(0..=4)?, resume: position(u)? }.into(),
        ),
        5 => Command::Unwatch(v1::UnwatchCommand { watch_id: u.int_in_range(0..=8)? }),
        6 => Command::Program(program(u)?),
        7 => Command::Feed(v1::FeedCommand {}),
        _ => {
            let operations = (0..u.int_in_range(0..=5)?).map(|_| operation(u)).collect::<Result<_>>()?;
            Command::Batch(v1::BatchCommand { operations })
        }
    })
}

fn session(u: &mut Unstructured<'_>) -> Result<Vec<Bytes>> {
    let mut commands = Vec::new();
    for id in 0..u.int_in_range(1..=8)? {
        let command = if id == 0 && u.ratio(15, 16)? { open(u)? } else { command(u)? };
        let id = if u.ratio(1, 16)? { u.arbitrary()? } else { id };
        commands.push(Bytes::of(&v1::SessionRequest { id, command: Some(command) }, u)?);
    }
    Ok(commands)
}

impl Bytes {
    /// A message, which one in sixteen times is damaged.
    fn of(message: &impl Message, u: &mut Unstructured<'_>) -> Result<Self> {
        let mut bytes = message.encode_to_vec();
        if u.ratio(1, 16)? {
            match u.int_in_range(0..=2)? {
                0 => bytes.truncate(u.int_in_range(0..=bytes.len())?),
                1 => bytes.extend(u.arbitrary::<Vec<u8>>()?),
                _ => bytes = u.arbitrary()?,
            }
        }
        Ok(Self(bytes))
    }
}

impl<'a> Arbitrary<'a> for Call {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let socket = u.arbitrary()?;
        if u.ratio(1, 16)? {
            return Ok(Self { socket, what: What::Raw { greets: u.arbitrary()?, bytes: u.arbitrary()? } });
        }
        // Half of them are sessions.
        let path = if u.arbitrary()? { PATHS[0] } else { *u.choose(&PATHS)? };
        let messages = match path.rsplit('/').next() {
            Some("Session") => session(u)?,
            Some("Read") => vec![Bytes::of(&v1::ReadRequest { lines: names(u)? }, u)?],
            Some("Write") => {
                let (lines, bits) = (names(u)?, mask(u)?);
                vec![Bytes::of(&v1::WriteRequest { lines, bits, client_name: String::new() }, u)?]
            }
            Some("Watch") => {
                let (lines, edge, resume) = (names(u)?, u.int_in_range(0..=4)?, position(u)?);
                vec![Bytes::of(&v1::WatchRequest { lines, edge, client_name: String::new(), resume }, u)?]
            }
            Some("Sample") => {
                let (lines, period_ns, count) = (names(u)?, period(u)?, u.int_in_range(0..=1000)?);
                vec![Bytes::of(
                    &v1::SampleRequest { lines, period_ns, count, client_name: String::new() },
                    u,
                )?]
            }
            Some("RunProgram") => {
                let (lines, program) = (wanted(u)?, Some(program(u)?));
                vec![Bytes::of(&v1::RunProgramRequest { lines, program, client_name: "fuzz".to_owned() }, u)?]
            }
            Some("ReleaseGroup") => {
                let group = (*u.choose(&["swift", "patient", "none"])?).to_owned();
                vec![Bytes::of(&v1::ReleaseGroupRequest { group, reason: "fuzz".to_owned() }, u)?]
            }
            _ => vec![Bytes(u.arbitrary()?)],
        };
        Ok(Self { socket, what: What::Grpc { path, messages, ends: u.arbitrary()?, stays: u.arbitrary()? } })
    }
}

/// Connects to a socket.
pub(crate) async fn connect(socket: &Path) -> Option<Channel> {
    Endpoint::try_from(format!("unix:{}", socket.display())).ok()?.connect().await.ok()
}

/// A client with a connection to each socket that it has used, and the calls that it has not ended.
pub(crate) struct Client<'a> {
    sockets: &'a [PathBuf],
    channels: Vec<Option<Channel>>,
    open: Vec<Streaming<Bytes>>,
    raw: Vec<UnixStream>,
}

impl<'a> Client<'a> {
    pub(crate) fn new(sockets: &'a [PathBuf]) -> Self {
        let channels = vec![None; sockets.len()];
        Self { sockets, channels, open: Vec::new(), raw: Vec::new() }
    }

    pub(crate) async fn call(&mut self, Call { socket, what }: &Call) {
        let socket = usize::from(*socket) % self.sockets.len();
        match what {
            What::Raw { greets, bytes } => self.send(socket, *greets, bytes).await,
            What::Grpc { path, messages, ends, stays } => {
                if self.channels[socket].is_none() {
                    self.channels[socket] = connect(&self.sockets[socket]).await;
                }
                let Some(channel) = self.channels[socket].clone() else { return };
                let requests = tokio_stream::iter(messages.clone());
                let answers = if *ends {
                    calling(channel, path, requests).await
                } else {
                    calling(channel, path, requests.chain(tokio_stream::pending())).await
                };
                let Some(mut answers) = answers else { return };
                for _ in messages {
                    if !matches!(tokio::time::timeout(QUIET, answers.message()).await, Ok(Ok(Some(_)))) {
                        break;
                    }
                }
                if *stays {
                    self.open.push(answers);
                }
            }
        }
    }

    async fn send(&mut self, socket: usize, greets: bool, bytes: &[u8]) {
        let Ok(mut stream) = UnixStream::connect(&self.sockets[socket]).await else { return };
        if greets {
            let _ = stream.write_all(PREFACE).await;
        }
        let _ = stream.write_all(bytes).await;
        let _ = tokio::time::timeout(QUIET, stream.read(&mut [0; 512])).await;
        self.raw.push(stream);
    }
}

async fn calling(
    channel: Channel,
    path: &'static str,
    requests: impl tokio_stream::Stream<Item = Bytes> + Send + 'static,
) -> Option<Streaming<Bytes>> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.ok()?;
    let call = grpc.streaming(Request::new(requests), PathAndQuery::from_static(path), AsTheyAre);
    Some(tokio::time::timeout(QUIET, call).await.ok()?.ok()?.into_inner())
}

/// Messages as the bytes that they are.
struct AsTheyAre;

impl Codec for AsTheyAre {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, Bytes(bytes): Bytes, to: &mut EncodeBuf<'_>) -> std::result::Result<(), Status> {
        to.put_slice(&bytes);
        Ok(())
    }
}

impl Decoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> std::result::Result<Option<Bytes>, Status> {
        let mut bytes = vec![0; from.remaining()];
        from.copy_to_slice(&mut bytes);
        Ok(Some(Bytes(bytes)))
    }
}
