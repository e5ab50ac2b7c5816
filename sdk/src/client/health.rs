//! Whether the daemon serves, by gRPC's protocol for that: two messages of one field each, `grpc.health.v1.Health/Check`
//! of <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>.

use super::connection::Connection;
use super::methods::Method;
use crate::error::Error;

const CHECK: Method<HealthCheckRequest, HealthCheckResponse> =
    Method::new("http://gpiod/grpc.health.v1.Health/Check");
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
    let request = HealthCheckRequest { service: SERVICE.to_owned() };
    Ok(connection.call(connection.rpc().unary(CHECK, &request)).await?.status == SERVING)
}
