//! Each semantic of the real API server that a controller relies on, once, through kube's `Api`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "how a test fails")]

use headroom_fake_api::{FakeApi, Verb, deployment};
use k8s_openapi::api::{
    apps::v1::Deployment,
    authentication::v1::TokenRequest,
    authorization::v1::SelfSubjectAccessReview,
    coordination::v1::Lease,
    core::v1::{Pod, ServiceAccount},
};
use kube::{
    Api, Client, Error, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions},
    core::{DynamicObject, GroupVersionKind, response::Status},
};
use serde_json::{Value, json};

fn status<T: std::fmt::Debug>(result: Result<T, Error>) -> Status {
    match result {
        Err(Error::Api(status)) => *status,
        other => panic!("expected an API error, got {other:?}"),
    }
}

fn world() -> (FakeApi, Client, Api<Deployment>) {
    let api = FakeApi::new();
    let client = api.client("test");
    let deployments = Api::default_namespaced(client.clone());
    (api, client, deployments)
}

fn pod(name: &str, app: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": app}}, "spec": {"containers": []}})
}

#[tokio::test(start_paused = true)]
async fn creates_and_reads_with_what_the_server_fills_in() {
    let (_, _, deployments) = world();
    let wanted: Deployment = serde_json::from_value(deployment("default", "web", 2)).unwrap();
    let created = deployments.create(&PostParams::default(), &wanted).await.unwrap();
    assert!(created.uid().is_some_and(|uid| uid.len() == 36));
    assert_eq!(created.metadata.generation, Some(1));
    assert_eq!(created.creation_timestamp().unwrap().0.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(deployments.get("web").await.unwrap(), created);

    let again = status(deployments.create(&PostParams::default(), &wanted).await);
    assert_eq!((again.code, again.reason.as_str()), (409, "AlreadyExists"));
    assert_eq!(again.message, "deployments.apps \"web\" already exists");
    let absent = status(deployments.get("other").await);
    assert_eq!((absent.code, absent.message.as_str()), (404, "deployments.apps \"other\" not found"));
}

#[tokio::test(start_paused = true)]
async fn generates_names() {
    let (_, client, _) = world();
    let pods: Api<Pod> = Api::default_namespaced(client);
    let mut pod: Pod = serde_json::from_value(pod("x", "web")).unwrap();
    pod.metadata = serde_json::from_value(json!({"generateName": "web-"})).unwrap();
    let first = pods.create(&PostParams::default(), &pod).await.unwrap().name_any();
    let second = pods.create(&PostParams::default(), &pod).await.unwrap().name_any();
    assert!(first.starts_with("web-") && first.len() == 9 && first != second, "{first} {second}");
}

#[tokio::test(start_paused = true)]
async fn lists_by_selectors_and_in_pages() {
    let (api, client, _) = world();
    for index in 0..5 {
        api.seed(pod(&format!("web-{index}"), "web"));
    }
    api.seed(pod("api-0", "api"));
    let pods: Api<Pod> = Api::all(client);
    let names =
        |list: kube::core::ObjectList<Pod>| list.items.iter().map(ResourceExt::name_any).collect::<Vec<_>>();
    assert_eq!(pods.list(&ListParams::default().labels("app=web")).await.unwrap().items.len(), 5);
    assert_eq!(
        names(pods.list(&ListParams::default().labels("app in (api,none)")).await.unwrap()),
        ["api-0"]
    );
    assert_eq!(
        names(pods.list(&ListParams::default().fields("metadata.name=web-3")).await.unwrap()),
        ["web-3"]
    );

    let first = pods.list(&ListParams::default().limit(4)).await.unwrap();
    assert_eq!(names(first.clone()), ["api-0", "web-0", "web-1", "web-2"]);
    api.delete("pods/default/web-4");
    let token = first.metadata.continue_.clone().unwrap();
    let second = pods.list(&ListParams::default().limit(4).continue_token(&token)).await.unwrap();
    assert_eq!(names(second.clone()), ["web-3", "web-4"], "all pages are of one version");
    assert_eq!(second.metadata.continue_, None);
}

#[tokio::test(start_paused = true)]
async fn put_is_guarded_by_version_and_uid() {
    let (api, _, deployments) = world();
    api.seed(deployment("default", "web", 2));
    let stale = deployments.get("web").await.unwrap();
    api.update("deployments/default/web", |web| web["metadata"]["labels"]["x"] = json!("y"));
    let conflict = status(deployments.replace("web", &PostParams::default(), &stale).await);
    assert_eq!((conflict.code, conflict.reason.as_str()), (409, "Conflict"));
    assert!(conflict.message.contains("the object has been modified"), "{}", conflict.message);

    let mut other = deployments.get("web").await.unwrap();
    other.metadata.uid = Some("another".to_owned());
    let conflict = status(deployments.replace("web", &PostParams::default(), &other).await);
    assert_eq!(conflict.code, 409);
    assert!(conflict.message.contains("UID in precondition: another"), "{}", conflict.message);
}

#[tokio::test(start_paused = true)]
async fn put_of_a_lease_needs_its_version() {
    let (api, client, _) = world();
    api.seed(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "leader"}, "spec": {}}));
    let leases: Api<Lease> = Api::default_namespaced(client);
    let mut lease = leases.get("leader").await.unwrap();
    lease.spec.as_mut().unwrap().holder_identity = Some("a".to_owned());
    let renewed = leases.replace("leader", &PostParams::default(), &lease).await.unwrap();
    assert_eq!(renewed.spec.as_ref().unwrap().holder_identity.as_deref(), Some("a"));
    assert_eq!(status(leases.replace("leader", &PostParams::default(), &lease).await).code, 409);
    lease.metadata.resource_version = None;
    let missing = status(leases.replace("leader", &PostParams::default(), &lease).await);
    assert_eq!(missing.code, 422, "{}", missing.message);
}

#[tokio::test(start_paused = true)]
async fn merge_patch_is_guarded_by_version_and_uid() {
    let (api, _, deployments) = world();
    let web = api.seed(deployment("default", "web", 2));
    let stale = web["metadata"]["resourceVersion"].clone();
    api.update("deployments/default/web", |web| web["spec"]["paused"] = json!(true));
    let patch = |metadata: Value| Patch::Merge(json!({"metadata": metadata, "spec": {"minReadySeconds": 3}}));
    let params = PatchParams::default();
    let conflict = status(deployments.patch("web", &params, &patch(json!({"resourceVersion": stale}))).await);
    assert_eq!(conflict.code, 409);
    let immutable = status(deployments.patch("web", &params, &patch(json!({"uid": "another"}))).await);
    assert_eq!(immutable.code, 422);
    assert!(immutable.message.contains("field is immutable"), "{}", immutable.message);
    let patched =
        deployments.patch("web", &params, &patch(json!({"uid": web["metadata"]["uid"]}))).await.unwrap();
    assert_eq!(patched.spec.unwrap().min_ready_seconds, Some(3));
}

#[tokio::test(start_paused = true)]
async fn generation_counts_specifications_and_a_write_of_nothing_is_none() {
    let (api, _, deployments) = world();
    api.seed(deployment("default", "web", 2));
    let spec = Patch::Merge(json!({"spec": {"minReadySeconds": 3}}));
    let first = deployments.patch("web", &PatchParams::default(), &spec).await.unwrap();
    assert_eq!(first.metadata.generation, Some(2));
    let again = deployments.patch("web", &PatchParams::default(), &spec).await.unwrap();
    assert_eq!(again.resource_version(), first.resource_version());
    let label = Patch::Merge(json!({"metadata": {"labels": {"x": "y"}}}));
    let labelled = deployments.patch("web", &PatchParams::default(), &label).await.unwrap();
    assert_eq!(labelled.metadata.generation, Some(2));
    assert_ne!(labelled.resource_version(), first.resource_version());
}

#[tokio::test(start_paused = true)]
async fn status_and_the_rest_are_written_apart() {
    let (api, _, deployments) = world();
    api.seed(deployment("default", "web", 2));
    let both = Patch::Merge(json!({"spec": {"replicas": 9}, "status": {"replicas": 7}}));
    let after = deployments.patch_status("web", &PatchParams::default(), &both).await.unwrap();
    assert_eq!((after.spec.unwrap().replicas, after.status.unwrap().replicas), (Some(2), Some(7)));
    assert_eq!(after.metadata.generation, Some(1));
    let both = Patch::Merge(json!({"spec": {"replicas": 9}, "status": {"replicas": 1}}));
    let after = deployments.patch("web", &PatchParams::default(), &both).await.unwrap();
    assert_eq!((after.spec.unwrap().replicas, after.status.unwrap().replicas), (Some(9), Some(7)));
}

#[tokio::test(start_paused = true)]
async fn delete_obeys_preconditions_and_finalizers() {
    let (api, _, deployments) = world();
    let web = api.seed(deployment("default", "web", 2));
    let guard = |uid: Option<&str>, version: Option<&str>| {
        let (uid, resource_version) = (uid.map(ToOwned::to_owned), version.map(ToOwned::to_owned));
        DeleteParams::default().preconditions(Preconditions { uid, resource_version })
    };
    assert_eq!(status(deployments.delete("web", &guard(Some("another"), None)).await).code, 409);
    assert_eq!(status(deployments.delete("web", &guard(None, Some("1"))).await).code, 409);
    api.update("deployments/default/web", |web| web["metadata"]["finalizers"] = json!(["example.org/hold"]));
    let held = deployments.delete("web", &guard(web["metadata"]["uid"].as_str(), None)).await.unwrap();
    assert!(held.left().is_some_and(|web| web.metadata.deletion_timestamp.is_some()));
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    deployments.patch("web", &PatchParams::default(), &release).await.unwrap();
    assert_eq!(api.object("deployments/default/web"), None);
    assert_eq!(status(deployments.delete("web", &DeleteParams::default()).await).code, 404);
}

#[tokio::test(start_paused = true)]
async fn scale_has_its_own_body_and_guards() {
    let (api, _, deployments) = world();
    let web = api.seed(deployment("default", "web", 2));
    let scale = deployments.get_scale("web").await.unwrap();
    assert_eq!(scale.spec.as_ref().unwrap().replicas, Some(2));
    assert_eq!(scale.status.as_ref().unwrap().selector.as_deref(), Some("app=web"));
    assert_eq!(scale.metadata.uid.as_deref(), web["metadata"]["uid"].as_str());

    let to = |replicas: i32, uid: &Value, version: &Value| {
        Patch::Merge(
            json!({"metadata": {"uid": uid, "resourceVersion": version}, "spec": {"replicas": replicas}}),
        )
    };
    let (uid, version) = (&web["metadata"]["uid"], &web["metadata"]["resourceVersion"]);
    let params = PatchParams { field_manager: Some("headroom".to_owned()), ..PatchParams::default() };
    let wrong = status(deployments.patch_scale("web", &params, &to(5, &json!("another"), version)).await);
    assert_eq!(wrong.code, 409);
    let expected = "Operation cannot be fulfilled on deployments/scale.apps \"web\": Precondition failed: UID in \
                    precondition: another, UID in object meta: ";
    assert!(wrong.message.starts_with(expected), "{}", wrong.message);
    let written = deployments.patch_scale("web", &params, &to(5, uid, version)).await.unwrap();
    assert_ne!(written.metadata.resource_version.as_deref(), version.as_str());
    let stale = status(deployments.patch_scale("web", &params, &to(6, uid, version)).await);
    assert_eq!((stale.code, stale.reason.as_str()), (409, "Conflict"));
    assert_eq!(status(deployments.patch_scale("web", &params, &to(-1, uid, &Value::Null)).await).code, 422);

    let mut put = deployments.get_scale("web").await.unwrap();
    put.spec.as_mut().unwrap().replicas = Some(4);
    deployments.replace_scale("web", &PostParams::default(), &put).await.unwrap();
    let web = api.object("deployments/default/web").unwrap();
    assert_eq!((&web["spec"]["replicas"], &web["metadata"]["generation"]), (&json!(4), &json!(3)));
    let sizes: Vec<Option<i64>> = api.writes().iter().map(headroom_fake_api::Record::replicas).collect();
    assert_eq!(sizes, [Some(5), Some(4)], "only what was carried out");
    assert!(api.requests().iter().any(|r| r.verb == Verb::Get && r.subresource.as_deref() == Some("scale")));
}

#[tokio::test(start_paused = true)]
async fn the_writer_of_each_field_is_known() {
    let (api, _, deployments) = world();
    api.seed(deployment("default", "web", 2));
    let params = PatchParams { field_manager: Some("headroom".to_owned()), ..PatchParams::default() };
    let scale = Patch::Merge(json!({"spec": {"replicas": 5}}));
    deployments.patch_scale("web", &params, &scale).await.unwrap();
    let web = api.object("deployments/default/web").unwrap();
    let entries = web["metadata"]["managedFields"].as_array().unwrap();
    let ours = entries.iter().find(|entry| entry["manager"] == "headroom").unwrap();
    assert_eq!((&ours["operation"], &ours["subresource"]), (&json!("Update"), &json!("scale")));
    assert_eq!(ours["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    let seeded = entries.iter().find(|entry| entry["manager"] == "kubectl").unwrap();
    assert_eq!(seeded["fieldsV1"]["f:spec"].get("f:replicas"), None, "the field has one writer");

    api.update_as("argocd-controller", "deployments/default/web", |web| web["spec"]["replicas"] = json!(2));
    let web = api.object("deployments/default/web").unwrap();
    let entries = web["metadata"]["managedFields"].as_array().unwrap();
    assert!(entries.iter().all(|entry| entry["manager"] != "headroom"), "{entries:?}");
}

#[tokio::test(start_paused = true)]
async fn apply_creates_removes_what_it_no_longer_names_and_conflicts() {
    let (api, _, deployments) = world();
    let config = |labels: Value, replicas: Value| {
        let mut config = deployment("default", "web", 2);
        config["metadata"]["labels"] = labels;
        config["spec"]["replicas"] = replicas;
        Patch::Apply(config)
    };
    let ours = PatchParams::apply("headroom");
    let created =
        deployments.patch("web", &ours, &config(json!({"a": "1", "b": "2"}), Value::Null)).await.unwrap();
    assert_eq!(created.labels().len(), 2);
    let version = created.resource_version();
    let same =
        deployments.patch("web", &ours, &config(json!({"a": "1", "b": "2"}), Value::Null)).await.unwrap();
    assert_eq!(same.resource_version(), version, "applying the same again writes nothing");

    let scale = Patch::Merge(json!({"spec": {"replicas": 7}}));
    deployments.patch_scale("web", &PatchParams::default(), &scale).await.unwrap();
    let fewer = deployments.patch("web", &ours, &config(json!({"a": "1"}), Value::Null)).await.unwrap();
    assert_eq!(fewer.labels().keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(fewer.spec.unwrap().replicas, Some(7), "what the apply does not name keeps its value");

    let conflict = status(deployments.patch("web", &ours, &config(json!({"a": "1"}), json!(3))).await);
    assert_eq!(conflict.code, 409);
    let expected = "Apply failed with 1 conflict: conflict with \"test\" with subresource \"scale\" using apps/v1: \
                    .spec.replicas";
    assert_eq!(conflict.message, expected);
    assert_eq!(conflict.details.unwrap().causes[0].field, ".spec.replicas");
    let forced =
        deployments.patch("web", &ours.clone().force(), &config(json!({"a": "1"}), json!(3))).await.unwrap();
    assert_eq!(forced.spec.unwrap().replicas, Some(3));
    let web = api.object("deployments/default/web").unwrap();
    let managers: Vec<&Value> =
        web["metadata"]["managedFields"].as_array().unwrap().iter().map(|entry| &entry["manager"]).collect();
    assert_eq!(managers, ["headroom"]);
}

#[tokio::test(start_paused = true)]
async fn apply_merges_lists_by_key_and_knows_the_object_it_means() {
    let (api, _, deployments) = world();
    let ours = PatchParams::apply("headroom");
    deployments.patch("web", &ours, &Patch::Apply(deployment("default", "web", 2))).await.unwrap();
    api.update_as("injector", "deployments/default/web", |web| {
        let containers = web["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
        containers.push(json!({"name": "sidecar", "image": "sidecar:1"}));
    });
    let mut next = deployment("default", "web", 2);
    next["spec"]["template"]["spec"]["containers"][0]["image"] = json!("app:2");
    let applied = deployments.patch("web", &ours, &Patch::Apply(next.clone())).await.unwrap();
    let containers = applied.spec.unwrap().template.spec.unwrap().containers;
    let images: Vec<&str> = containers.iter().filter_map(|container| container.image.as_deref()).collect();
    assert_eq!(images, ["app:2", "sidecar:1"]);

    api.delete("deployments/default/web");
    next["metadata"]["uid"] = json!("another");
    let absent = status(deployments.patch("web", &ours, &Patch::Apply(next)).await);
    assert_eq!(absent.code, 409);
    assert!(absent.message.contains("uid mismatch"), "{}", absent.message);
}

#[tokio::test(start_paused = true)]
async fn custom_resources_have_status_by_apply() {
    let (api, client, _) = world();
    api.seed(json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "ScaledService", "metadata": {"name": "web"},
        "spec": {"minReplicas": 1},
    }));
    let gvk = GroupVersionKind::gvk("headroom.dev", "v1alpha1", "ScaledService");
    let (resource, capabilities) = kube::discovery::pinned_kind(&client, &gvk).await.unwrap();
    assert!(capabilities.subresources.iter().any(|(resource, _)| resource.plural == "status"));
    let services: Api<DynamicObject> = Api::default_namespaced_with(client, &resource);
    let status = json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "ScaledService", "status": {"replicas": 3},
    });
    let params = PatchParams::apply("headroom-status").force();
    let after = services.patch_status("web", &params, &Patch::Apply(status)).await.unwrap();
    assert_eq!(after.data["status"], json!({"replicas": 3}));
    assert_eq!(after.data["spec"], json!({"minReplicas": 1}));
    assert_eq!(after.metadata.generation, Some(1));
}

#[tokio::test(start_paused = true)]
async fn tells_which_kinds_can_be_scaled() {
    let (_, client, _) = world();
    let (resource, capabilities) =
        kube::discovery::pinned_kind(&client, &GroupVersionKind::gvk("apps", "v1", "Deployment"))
            .await
            .unwrap();
    assert_eq!(resource.plural, "deployments");
    assert!(capabilities.subresources.iter().any(|(resource, _)| resource.plural == "scale"));
    let group = kube::discovery::oneshot::group(&client, "apps").await.unwrap();
    assert!(group.recommended_kind("StatefulSet").is_some());
    assert!(
        kube::discovery::pinned_kind(&client, &GroupVersionKind::gvk("apps", "v1", "Nothing")).await.is_err()
    );
    assert_eq!(client.apiserver_version().await.unwrap().minor, "33");
    let keys = http::Request::get("/openid/v1/jwks").body(Vec::new()).unwrap();
    assert_eq!(client.request::<Value>(keys).await.unwrap(), json!({"keys": []}));
}

#[tokio::test(start_paused = true)]
async fn gives_tokens_and_answers_access_reviews() {
    let (api, client, _) = world();
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
    let request: TokenRequest =
        serde_json::from_value(json!({"spec": {"audiences": ["default/web"], "expirationSeconds": 600}}))
            .unwrap();
    let params = PostParams::default();
    assert_eq!(status(accounts.create_token_request("headroom", &params, &request).await).code, 404);
    api.seed(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "headroom"}}));
    let token = accounts.create_token_request("headroom", &params, &request).await.unwrap();
    assert_eq!(token.spec.audiences, ["default/web"]);
    assert_eq!(token.status.unwrap().expiration_timestamp.0.to_string(), "2026-01-01T00:10:00Z");

    api.allow_access(|_, spec| spec["resourceAttributes"]["verb"] != "delete");
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client);
    for (verb, allowed) in [("patch", true), ("delete", false)] {
        let review: SelfSubjectAccessReview = serde_json::from_value(
            json!({"spec": {"resourceAttributes": {"verb": verb, "resource": "deployments"}}}),
        )
        .unwrap();
        let answer = reviews.create(&params, &review).await.unwrap();
        assert_eq!(answer.status.unwrap().allowed, allowed, "{verb}");
    }
}

#[tokio::test(start_paused = true)]
async fn resizes_pods_by_container_and_lists_metadata_alone() {
    let (api, client, _) = world();
    let mut web = pod("web", "web");
    web["spec"]["containers"] = json!([{"name": "app", "image": "app:1"}, {"name": "sidecar"}]);
    api.seed(web);
    let pods: Api<Pod> = Api::default_namespaced(client);
    let resize =
        json!({"spec": {"containers": [{"name": "app", "resources": {"requests": {"cpu": "500m"}}}]}});
    pods.patch_subresource("resize", "web", &PatchParams::default(), &Patch::Strategic(resize))
        .await
        .unwrap();
    let pod = api.object("pods/default/web").unwrap();
    let containers = pod["spec"]["containers"].as_array().unwrap();
    assert_eq!((containers.len(), &containers[0]["resources"]["requests"]["cpu"]), (2, &json!("500m")));
    assert_eq!(containers[0]["image"], "app:1");
    let list = pods.list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(list.items[0].name_any(), "web");
}
