//! gRPC: a service of tonic behind the server, and the server's own health service.

use headroom_workload::{GrpcHealth, Server, Settings};
use tokio::runtime::{Builder, Runtime};
use tonic::transport::Channel;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::service::start;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn client(server: &headroom_workload::RunningServer) -> HealthClient<Channel> {
    let address = format!("http://{}", server.addresses().listening);
    HealthClient::new(Channel::from_shared(address).unwrap().connect().await.unwrap())
}

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

/// Messages in both directions, trailers, errors, and a stream that goes on.
#[test]
fn a_service_of_tonic_works_behind_the_server() {
    runtime().block_on(async {
        let (reporter, service) = tonic_health::server::health_reporter();
        reporter.set_service_status("shop", ServingStatus::Serving).await;
        let router = tonic::service::Routes::new(service).into_axum_router();
        let any_port = ([127, 0, 0, 1], 0).into();
        let server = Server::builder(router).listen(any_port).admin(any_port).start().unwrap();
        let mut client = client(&server).await;
        assert_eq!(client.check(about("shop")).await.unwrap().into_inner().status, 1);
        assert_eq!(client.check(about("other")).await.unwrap_err().code(), tonic::Code::NotFound);
        let mut watched = client.watch(about("shop")).await.unwrap().into_inner();
        assert_eq!(watched.message().await.unwrap().unwrap().status, 1);
        reporter.set_service_status("shop", ServingStatus::NotServing).await;
        assert_eq!(watched.message().await.unwrap().unwrap().status, 2);
        drop((watched, client));
        server.drain();
        tokio::task::spawn_blocking(|| server.join()).await.unwrap().unwrap();
    });
}

#[test]
fn the_health_service_says_whether_the_server_is_ready() {
    let drain = headroom_workload::Drain { wait: std::time::Duration::from_secs(60), ..Default::default() };
    let service = start(|server| server.drain(drain).grpc_health(GrpcHealth::On));
    runtime().block_on(async {
        let mut client = client(&service.server).await;
        let mut status = async || client.check(about("")).await.unwrap().into_inner().status;
        while status().await != 1 {}
        service.server.drain();
        while status().await != 2 {}
        assert_eq!(client.check(about("shop")).await.unwrap_err().code(), tonic::Code::NotFound);
        assert_eq!(client.watch(about("")).await.unwrap_err().code(), tonic::Code::Unimplemented);
    });
    assert_eq!(service.server.stats().arrivals, 0);
}

#[test]
fn without_being_asked_for_it_is_the_services_own() {
    assert_eq!(Settings::default().grpc_health, GrpcHealth::Off);
    let service = start(|server| server);
    runtime().block_on(async {
        assert!(client(&service.server).await.check(about("")).await.is_err());
    });
    assert_eq!(service.server.stats().responses.client_error, 1);
    service.stop();
}
