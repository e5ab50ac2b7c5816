//! One short function for each RPC: convert, call the broker, convert.
//!
//! They are called by name and without tonic's server: what each layer costs a call, `benches/README.md` tells.

use super::answers::{Answering, Gone};
use super::convert;
use super::dispatch::Incoming;
use super::places::Places;
use super::sample::SampleStream;
use super::session;
use super::unary::unary;
use super::watch::{self, WatchStream};
use crate::broker::{Broker, OpenRequest, Scope, WatchRequest};
use crate::clock;
use crate::holder::Caller;
use crate::programs::Programs;
use crate::sample::{Feed, Queue};
use crate::sampling::Times;
use gpiod_proto::v1;
use std::sync::Arc;
use tonic::Status;

/// The service of one socket.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) broker: Arc<Broker>,
    pub(super) programs: Arc<Programs>,
    pub(super) scope: Scope,
    pub(super) watches: Places,
}

impl Service {
    /// Answers a call.
    ///
    /// # Errors
    /// When the client has gone before.
    pub(super) async fn call(
        &self,
        method: &str,
        caller: Caller,
        request: Incoming,
        answering: Answering,
    ) -> Result<(), Gone> {
        self.broker.look_for_pods(self.scope, false).await;
        // What is short or frequent is done here. What lasts has an allocation of its own, of what it needs: what is
        // made of it in the meantime would take as much again.
        match method {
            "Read" => unary(request.messages(), answering, async |read| self.read(caller, read)).await,
            "Write" => unary(request.messages(), answering, async |write| self.write(caller, write)).await,
            "ListLines" => {
                Box::pin(unary(request.messages(), answering, async |_: v1::ListLinesRequest| {
                    self.list_lines(caller)
                }))
                .await
            }
            "RunProgram" => {
                Box::pin(unary(request.messages(), answering, async |run| {
                    self.run_program(caller, run).await
                }))
                .await
            }
            "Watch" => {
                let watch = Box::pin(request.messages().only()).await;
                match watch.and_then(|watch| self.watch(caller, watch)) {
                    Ok(watch) => Box::pin(answering.begin()?.send_all(watch, true)).await,
                    Err(status) => answering.fail(status),
                }
            }
            "Sample" => {
                let sample = Box::pin(request.messages().only()).await;
                match sample.and_then(|sample| self.sample(caller, sample)) {
                    Ok(sample) => Box::pin(answering.begin()?.send_all(sample, true)).await,
                    Err(status) => answering.fail(status),
                }
            }
            "Session" => match Box::pin(session::open(self, caller, request.messages())).await {
                Ok(session) => Box::pin(answering.begin()?.send_all(session, false)).await,
                Err(status) => answering.fail(status),
            },
            _ => answering.fail(Status::unimplemented("the API has no such method")),
        }
    }

    fn list_lines(&self, caller: Caller) -> Result<v1::ListLinesResponse, Status> {
        self.broker.admit(self.scope, caller)?;
        Ok(convert::list(self.broker.list(self.scope)?, self.broker.limits()))
    }

    fn read(&self, caller: Caller, read: v1::ReadRequest) -> Result<v1::ReadResponse, Status> {
        self.broker.admit(self.scope, caller)?;
        let values = self.broker.read(self.scope, &read.lines)?;
        Ok(v1::ReadResponse { values: Some(convert::values(values)) })
    }

    fn write(&self, caller: Caller, write: v1::WriteRequest) -> Result<v1::WriteResponse, Status> {
        self.broker.admit(self.scope, caller)?;
        let v1::WriteRequest { lines, bits, client_name } = write;
        let client_name = convert::client_name(client_name)?;
        let moment = self.broker.write(self.scope, &lines, bits)?;
        self.broker.wrote(self.scope, caller, &client_name, &lines);
        Ok(v1::WriteResponse { timestamp_ns: moment.timestamp_ns })
    }

    fn watch(&self, caller: Caller, watch: v1::WatchRequest) -> Result<WatchStream, Status> {
        self.broker.admit(self.scope, caller)?;
        let v1::WatchRequest { lines, edge, client_name, resume } = watch;
        convert::client_name(client_name)?;
        let watch = WatchRequest { caller: Some(caller), ..convert::watch_request(edge, resume)? };
        let place = watch::place(&self.watches, &self.broker)?;
        let watch = self.broker.watch(self.scope, &lines, watch)?;
        Ok(WatchStream::new(watch, place))
    }

    fn sample(&self, caller: Caller, sample: v1::SampleRequest) -> Result<SampleStream, Status> {
        self.broker.admit(self.scope, caller)?;
        let v1::SampleRequest { lines, period_ns, count, client_name } = sample;
        convert::client_name(client_name)?;
        let queue = Arc::new(Queue::default());
        let sampler = self.broker.sample((self.scope, caller), &lines, period_ns, Arc::clone(&queue))?;
        let sampler = Arc::new(sampler);
        let begin_ns = clock::now_ns();
        let feed = Feed::new(Arc::clone(&queue), sampler.lines(), begin_ns);
        let times = Times { begin_ns, period_ns, count };
        let _sampling = self.programs.sample(Arc::clone(&sampler), times, feed);
        Ok(SampleStream { queue, times: (begin_ns, period_ns), _sampling, _sampler: sampler })
    }

    /// Whether the caller is let in is asked when its lines are opened.
    async fn run_program(
        &self,
        caller: Caller,
        run: v1::RunProgramRequest,
    ) -> Result<v1::RunProgramResponse, Status> {
        let v1::RunProgramRequest { lines, program, client_name } = run;
        let client_name = convert::client_name(client_name)?;
        let steps = convert::steps(program)?;
        let lines = convert::wanted_lines(lines)?;
        self.broker.look_for_pods(self.scope, true).await;
        let (hold, mut ended) = self.broker.open_for_program(
            OpenRequest { scope: self.scope, caller, client_name, lines, token: None },
            &steps,
        )?;
        let run = self.programs.run(hold.begin_program(&steps)?, steps);
        let outcome = tokio::select! {
            biased;
            Ok(why) = &mut ended => return Err(why.into()),
            outcome = run => outcome?,
        };
        hold.end();
        Ok(v1::RunProgramResponse { result: Some(convert::program_result(outcome)) })
    }
}
