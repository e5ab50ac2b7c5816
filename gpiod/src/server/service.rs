//! One short function for each RPC: convert, call the broker, convert.

use super::places::Places;
use super::session::{self, SessionStream};
use super::watch::{self, WatchStream};
use super::{caller, convert};
use crate::broker::{Broker, OpenRequest, Scope, WatchRequest};
use crate::holder::Caller;
use crate::programs::Programs;
use gpiod_proto::v1;
use gpiod_proto::v1::gpio_service_server::GpioService;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming, async_trait};

/// The service of one socket.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) broker: Arc<Broker>,
    pub(super) programs: Arc<Programs>,
    pub(super) scope: Scope,
    pub(super) watches: Places,
}

impl Service {
    pub(super) fn new(broker: Arc<Broker>, programs: Arc<Programs>, scope: Scope, watches: Places) -> Self {
        Self { broker, programs, scope, watches }
    }

    /// Who calls, if it is let in: the whole of its request has come, which may have taken its time.
    fn admit<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let caller = caller::of_request(request)?;
        self.broker.admit(self.scope, caller)?;
        Ok(caller)
    }
}

#[async_trait]
impl GpioService for Service {
    type WatchStream = WatchStream;
    type SessionStream = SessionStream;

    async fn list_lines(
        &self,
        request: Request<v1::ListLinesRequest>,
    ) -> Result<Response<v1::ListLinesResponse>, Status> {
        self.admit(&request)?;
        let list = self.broker.list(self.scope)?;
        Ok(Response::new(convert::list(list, self.broker.limits())))
    }

    async fn read(&self, request: Request<v1::ReadRequest>) -> Result<Response<v1::ReadResponse>, Status> {
        self.admit(&request)?;
        let values = self.broker.read(self.scope, &request.into_inner().lines)?;
        Ok(Response::new(v1::ReadResponse { values: Some(convert::values(values)) }))
    }

    async fn write(&self, request: Request<v1::WriteRequest>) -> Result<Response<v1::WriteResponse>, Status> {
        let caller = self.admit(&request)?;
        let v1::WriteRequest { lines, bits, client_name } = request.into_inner();
        let client_name = convert::client_name(client_name)?;
        let moment = self.broker.write(self.scope, &lines, bits)?;
        self.broker.wrote(self.scope, caller, &client_name, &lines);
        Ok(Response::new(v1::WriteResponse { timestamp_ns: moment.timestamp_ns }))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<WatchStream>, Status> {
        let caller = self.admit(&request)?;
        let v1::WatchRequest { lines, edge, client_name, resume } = request.into_inner();
        convert::client_name(client_name)?;
        let watch = WatchRequest { caller: Some(caller), ..convert::watch_request(edge, resume)? };
        let place = watch::place(&self.watches, &self.broker)?;
        let watch = self.broker.watch(self.scope, &lines, watch)?;
        Ok(Response::new(WatchStream::new(watch, place)))
    }

    async fn session(
        &self,
        request: Request<Streaming<v1::SessionRequest>>,
    ) -> Result<Response<SessionStream>, Status> {
        let caller = caller::of_request(&request)?;
        Ok(Response::new(session::open(self, caller, request.into_inner()).await?))
    }

    async fn run_program(
        &self,
        request: Request<v1::RunProgramRequest>,
    ) -> Result<Response<v1::RunProgramResponse>, Status> {
        // Whether it is let in is asked when its lines are opened.
        let caller = caller::of_request(&request)?;
        let v1::RunProgramRequest { lines, program, client_name } = request.into_inner();
        let client_name = convert::client_name(client_name)?;
        let steps = convert::steps(program)?;
        let lines = convert::wanted_lines(lines)?;
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
        Ok(Response::new(v1::RunProgramResponse { result: Some(convert::program_result(outcome)) }))
    }
}
