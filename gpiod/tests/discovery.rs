//! What any gRPC client finds without knowing us: health and reflection.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{Rig, reason};
use tonic::Code;
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

/// How a reflection stream ends that sent this after a request that is answered.
async fn end_of_reflection(rig: &Rig, file: String) -> Result<usize, tonic::Status> {
    let endpoint = Endpoint::try_from(format!("unix:{}", rig.socket("bench").display())).unwrap();
    let mut client = ServerReflectionClient::new(endpoint.connect().await.unwrap());
    let request = |asked| ServerReflectionRequest { message_request: Some(asked), ..Default::default() };
    let requests = [MessageRequest::ListServices(String::new()), MessageRequest::FileByFilename(file)];
    let requests = tokio_stream::iter(requests.map(request));
    let mut answers = client.server_reflection_info(requests).await?.into_inner();
    let mut count = 0;
    while answers.message().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

#[tokio::test]
async fn reflection_says_that_a_message_is_too_long_and_does_not_end_as_if_all_were_well() {
    let rig = Rig::start().await;
    let known = "gpiod/v1/line.proto".to_owned();
    assert_eq!(end_of_reflection(&rig, known).await.unwrap(), 2);
    for long in [16_384, 100_000] {
        let status = end_of_reflection(&rig, "x".repeat(long)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "BEYOND_LIMIT"));
        assert_eq!(status.message(), "this asks for more than limits.message_bytes allows, 16384");
    }
}

#[tokio::test]
async fn reflection_does_not_repeat_all_of_a_long_name_that_it_does_not_know() {
    let rig = Rig::start().await;
    let status = end_of_reflection(&rig, "\u{10ffff}".repeat(4000)).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().len() < 300, "{}", status.message().len());
}

#[tokio::test]
async fn reflection_says_that_a_message_is_malformed() {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Bytes {
        #[prost(bytes = "vec", tag = "3")]
        file_by_filename: Vec<u8>,
    }
    let rig = Rig::start().await;
    let endpoint = Endpoint::try_from(format!("unix:{}", rig.socket("bench").display())).unwrap();
    let mut grpc = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    for version in ["v1", "v1alpha"] {
        grpc.ready().await.unwrap();
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let request = tonic::Request::new(tokio_stream::once(Bytes { file_by_filename: vec![0xff, 0xfe] }));
        let codec = gpiod_proto::codec::Codec::<Bytes, Bytes>::default();
        let mut answers =
            grpc.streaming(request, path.try_into().unwrap(), codec).await.unwrap().into_inner();
        let status = answers.message().await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{version}");
        assert!(status.message().starts_with("malformed message: "), "{version}: {status}");
    }
}
