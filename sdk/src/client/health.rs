//! Whether the daemon serves, by gRPC's protocol for that: two messages of one field each, `grpc.health.v1.Health/Check`
//! of <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>.

use super::connection::{Connection, ORIGIN};
use crate::error::Error;
use gpiod_proto::codec::Codec;
use hyper::Uri;
use tonic::Request;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;

const CHECK: &str = "/grpc.health.v1.Health/Check";
/// Whose health: the service that has the lines.
const SERVICE: &str = "gpiod.v1.GpioService";
/// `SERVING` of `HealthCheckResponse.ServingStatus`.
const SERVING: i32 = 1;

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// Whether it says that it serves.
pub(crate) async fn serves(connection: &Connection) -> Result<bool, Error> {
    let mut grpc = Grpc::with_origin(connection.transport(), Uri::from_static(ORIGIN));
    let checked = async {
        grpc.ready().await.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        let request = Request::new(HealthCheckRequest { service: SERVICE.to_owned() });
        let codec: Codec<HealthCheckRequest, HealthCheckResponse> = Codec::default();
        grpc.unary(request, PathAndQuery::from_static(CHECK), codec).await
    };
    Ok(connection.call(checked).await?.status == SERVING)
}
