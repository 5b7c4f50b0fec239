//! STS on loopback: what it is asked, and what is made of its answers.

use super::super::served::{GRANTED, Served};
use super::*;

fn surroundings(served: &Served) -> Surroundings {
    Surroundings::new().sts(served.url()).variables([] as [(&str, &str); 0])
}

/// The value of a field of the form that was posted.
fn field(request: &str, name: &str) -> Option<String> {
    let (_, form) = request.split_once("\r\n\r\n")?;
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

#[test]
fn the_signature_of_the_rpc_style_is_that_of_the_vector() {
    let parameters = [
        ("Action", "AssumeRole"),
        ("Format", "JSON"),
        ("Version", "2015-04-01"),
        ("RoleArn", "acs:ram::123456789012:role/eventcenter"),
        ("RoleSessionName", "eventcenter"),
        ("DurationSeconds", "3600"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", "00000000-0000-4000-8000-000000000000"),
        ("Timestamp", "2023-11-14T22:13:20Z"),
        ("AccessKeyId", "testAccessKeyId"),
    ]
    .map(|(name, value)| (name, Secret::from(value)));
    let found = signature("GET", &parameters, &Secret::from("testAccessKeySecret"));
    assert_eq!(found, "hEDvW67H4a2J76BREGvhdnjeBFA=");
}

#[tokio::test]
async fn a_role_is_assumed_with_another_key() {
    let served = Served::start(|_: &str| (200, GRANTED.to_owned())).await;
    let base = Arc::new(Credential::new("base-id", "base-secret").with_token("base-token"));
    let source = AssumeRole::new(&surroundings(&served), base, "acs:ram::1:role/r")
        .session_name("me")
        .duration(Duration::from_secs(1800))
        .policy("{}")
        .external_id("x");
    let found = source.fetch().await.unwrap().unwrap();
    assert_eq!((found.id(), found.secret().reveal()), ("granted-id", "granted-secret"));
    assert_eq!(found.expires_at().unwrap().to_string(), "2023-11-14T23:13:20Z");
    let request = served.requests().remove(0);
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "nothing stands in the URL");
    for (name, value) in [
        ("Action", "AssumeRole"),
        ("RoleArn", "acs%3Aram%3A%3A1%3Arole%2Fr"),
        ("RoleSessionName", "me"),
        ("DurationSeconds", "1800"),
        ("Policy", "%7B%7D"),
        ("ExternalId", "x"),
        ("AccessKeyId", "base-id"),
        ("SecurityToken", "base-token"),
    ] {
        assert_eq!(field(&request, name).as_deref(), Some(value), "{name}");
    }
    assert!(field(&request, "Signature").is_some());
    assert!(!request.contains("base-secret"));
}

#[tokio::test]
async fn a_role_is_assumed_with_the_token_of_the_cluster_which_is_read_each_time() {
    let served = Served::start(|_: &str| (200, GRANTED.to_owned())).await;
    let root = tempfile::tempdir().unwrap();
    let surroundings = surroundings(&served).root(root.path()).variables([
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/r"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/ack"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token"),
        ("ALIBABA_CLOUD_ROLE_SESSION_NAME", "pod"),
    ]);
    let source = AssumeRoleWithOidc::new(&surroundings);
    let error = source.fetch().await.unwrap_err().to_string();
    assert!(error.contains("token"), "{error}");
    for token in ["first", "second"] {
        std::fs::write(root.path().join("token"), format!("{token}\n")).unwrap();
        assert_eq!(source.fetch().await.unwrap().unwrap().id(), "granted-id");
        let request = served.requests().pop().unwrap();
        assert_eq!(field(&request, "OIDCToken").as_deref(), Some(token));
        assert_eq!(field(&request, "RoleSessionName").as_deref(), Some("pod"));
        assert_eq!(field(&request, "Signature"), None);
    }
    let none = Surroundings::new().variables([("ALIBABA_CLOUD_ROLE_ARN", "alone")]);
    assert_eq!(AssumeRoleWithOidc::new(&none).fetch().await.unwrap(), None);
}

#[tokio::test]
async fn a_refusal_is_repeated_without_what_was_sent() {
    let served = Served::start(|request: &str| {
        let token = field(request, "SecurityToken").unwrap();
        let said = format!(
            r#"{{"Code":"NoPermission","Message":"not {token}, base/token+==","RequestId":"r-1"}}"#
        );
        (403, said)
    })
    .await;
    let base = Arc::new(Credential::new("base-id", "base-secret").with_token("base/token+=="));
    let source = AssumeRole::new(&surroundings(&served), base, "acs:ram::1:role/r");
    let error = source.fetch().await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("NoPermission") && shown.contains("r-1"), "{shown}");
    // As the form holds it, percent-encoded, and as it is.
    assert!(shown.contains("not ***, ***"), "{shown}");
    assert!(!shown.contains("token") && !shown.contains("base-secret"), "{shown}");
}

/// Has another key when the first was refused.
#[derive(Debug, Default)]
struct Rotated(std::sync::atomic::AtomicBool);

#[async_trait]
impl Provider for Rotated {
    async fn get(&self) -> Result<Credential> {
        let rotated = self.0.load(std::sync::atomic::Ordering::Relaxed);
        Ok(Credential::new(if rotated { "new-id" } else { "old-id" }, "secret"))
    }

    async fn invalidate(&self, used: &Credential) {
        assert_eq!(used.id(), "old-id");
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_key_that_was_rotated_is_asked_for_again_and_no_other_refusal_is() {
    for (code, ids) in [
        ("InvalidAccessKeyId.NotFound", &["old-id", "new-id"][..]),
        ("InvalidSecurityToken.Expired", &["old-id", "new-id"]),
        ("SignatureDoesNotMatch", &["old-id", "new-id"]),
        ("NoPermission", &["old-id"]),
    ] {
        let served =
            Served::start(move |request: &str| match field(request, "AccessKeyId").as_deref() {
                Some("new-id") => (200, GRANTED.to_owned()),
                _ => (404, format!(r#"{{"Code":"{code}"}}"#)),
            })
            .await;
        let base = Arc::new(Rotated::default());
        let source = AssumeRole::new(&surroundings(&served), base, "acs:ram::1:role/r");
        assert_eq!(source.fetch().await.is_ok(), ids.len() == 2, "{code}");
        let requests = served.requests();
        let asked: Vec<_> = requests.iter().filter_map(|r| field(r, "AccessKeyId")).collect();
        assert_eq!(asked, ids, "{code}");
    }
    // Nor is the same key tried twice.
    let said = r#"{"Code":"SignatureDoesNotMatch"}"#;
    let served = Served::start(move |_: &str| (400, said.to_owned())).await;
    let base = Arc::new(Credential::new("id", "secret"));
    let source = AssumeRole::new(&surroundings(&served), base, "acs:ram::1:role/r");
    assert!(source.fetch().await.is_err());
    assert_eq!(served.requests().len(), 1);
}

#[test]
fn the_variables_say_where_sts_is() {
    let url = |variables: &[(&str, &str)]| {
        Surroundings::new().variables(variables.iter().copied()).sts_url()
    };
    let region = ("ALIBABA_CLOUD_STS_REGION", "cn-beijing");
    assert_eq!(url(&[]), "https://sts.aliyuncs.com");
    assert_eq!(url(&[region]), "https://sts.cn-beijing.aliyuncs.com");
    let inside = ("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true");
    assert_eq!(url(&[region, inside]), "https://sts-vpc.cn-beijing.aliyuncs.com");
}
