//! What any gRPC client finds without knowing us: health and reflection.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::Rig;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

#[tokio::test]
async fn every_socket_says_that_it_serves_and_lists_its_services() {
    let rig = Rig::start().await;
    for socket in [rig.socket("bench"), rig.watch_socket("bench"), rig.admin_socket()] {
        let channel =
            Endpoint::try_from(format!("unix:{}", socket.display())).unwrap().connect().await.unwrap();
        for service in ["", "gpiod.v1.GpioService"] {
            let request = HealthCheckRequest { service: service.to_owned() };
            let status =
                HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner().status();
            assert_eq!(status, ServingStatus::Serving);
        }
        let list = Some(MessageRequest::ListServices(String::new()));
        let request = ServerReflectionRequest { message_request: list, ..Default::default() };
        let mut client = ServerReflectionClient::new(channel);
        let answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap();
        let answer = answers.into_inner().message().await.unwrap().unwrap().message_response.unwrap();
        let MessageResponse::ListServicesResponse(list) = answer else { panic!("a list") };
        let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
        assert!(
            names.contains(&"gpiod.v1.GpioService") && names.contains(&"grpc.health.v1.Health"),
            "{names:?}"
        );
    }
}
