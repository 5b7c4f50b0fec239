//! Against a server that says what it is told to.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::net::TcpListener;

use super::scripted::{Server, answer, failure, ok, quick};
use super::*;
use crate::error::{Code, ErrorKind};
use crate::logstore::Route;
use crate::sign::{content_md5, content_sha256};
use crate::{Log, LogGroup};

#[derive(Debug, Clone, Copy)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2023-11-14T22:13:20Z".parse().unwrap()
    }
}

fn group() -> LogGroup<'static> {
    LogGroup::new().log(Log::new(1).with("key", "value"))
}

#[tokio::test]
async fn logs_are_put_as_the_service_wants_them_with_v1() {
    let server = Server::start([ok("")]).await;
    let client = server.client().clock(Noon).build().unwrap();
    let receipt = client.logstore("k8s-log-c1", "k8s-event").put(&group()).await.unwrap();
    assert_eq!(receipt.request_id, "5B8F");
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!(request.line, "POST /logstores/k8s-event/shards/lb HTTP/1.1");
    let host = format!("k8s-log-c1.{}", server.endpoint.strip_prefix("http://").unwrap());
    let length = request.body.len().to_string();
    let md5 = content_md5(&request.body);
    for (name, value) in [
        ("host", host.as_str()),
        ("content-type", "application/x-protobuf"),
        ("content-length", &length),
        ("content-md5", &md5),
        ("date", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("x-log-apiversion", "0.6.0"),
        ("x-log-signaturemethod", "hmac-sha1"),
        ("x-log-bodyrawsize", "18"),
        ("x-log-compresstype", Compression::default().name().unwrap_or_default()),
        ("x-log-date", ""),
        ("accept-encoding", ""),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    assert!(request.header("authorization").starts_with("LOG id:"));
    let raw = client.compression().decompress(request.body.clone().into(), 18).unwrap();
    assert_eq!(LogGroup::decode(&raw).unwrap(), group());
    assert_eq!(receipt.sent, request.body.len());
}

#[tokio::test]
async fn logs_are_put_to_a_shard_with_v4_and_a_token() {
    let server = Server::start([ok("")]).await;
    let credential = Credential::new("id", "secret").with_token("t0k3n");
    let client = server.client().region("cn-hangzhou").credentials(credential).clock(Noon);
    let client = client.compression(Compression::None).build().unwrap();
    let route = Route::of("127.0.0.1", 64).unwrap();
    let encoded = group().encode();
    client.logstore("p", "s").put_encoded(&encoded, &route).await.unwrap();
    let [request] = &server.requests()[..] else { panic!("one request") };
    let line = "POST /logstores/s/shards/route?key=f4000000000000000000000000000000 HTTP/1.1";
    assert_eq!(request.line, line);
    assert_eq!(request.body, encoded);
    for (name, value) in [
        ("x-log-content-sha256", content_sha256(&encoded).as_str()),
        ("x-log-date", "20231114T221320Z"),
        ("x-acs-security-token", "t0k3n"),
        ("content-md5", ""),
        ("date", ""),
        ("x-log-compresstype", ""),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    let start = "SLS4-HMAC-SHA256 Credential=id/20231114/cn-hangzhou/sls/aliyun_v4_request,";
    assert!(request.header("authorization").starts_with(start));
}

#[tokio::test]
async fn a_request_without_a_body_says_so() {
    let server = Server::start([ok(""), ok(""), ok("{}")]).await;
    let client = server.client().build().unwrap();
    client.call(&Call::put("/machinegroups/g/configs/c").project("p")).await.unwrap();
    client.call(&Call::post("/logstores/s/shards/0").query("action", "split")).await.unwrap();
    client.call(&Call::get("/")).await.unwrap();
    let requests = server.requests();
    let lengths: Vec<_> = requests.iter().map(|request| request.header("content-length")).collect();
    assert_eq!(lengths, ["0", "0", ""]);
    assert!(requests.iter().all(|request| request.header("x-log-bodyrawsize") == "0"));
    assert!(requests.iter().all(|request| request.header("content-md5").is_empty()));
}

#[tokio::test]
async fn a_clock_that_is_20_minutes_off_heals_at_once() {
    let late = "x-log-time: 1700001200\r\n";
    let server = Server::start([failure(400, "RequestTimeExpired", late), ok(""), ok("")]).await;
    let client = server.client().clock(Noon).retries(Retries::NONE).build().unwrap();
    let store = client.logstore("p", "s");
    store.put(&group()).await.unwrap();
    store.put(&group()).await.unwrap();
    let requests = server.requests();
    let dates: Vec<_> = requests.iter().map(|request| request.header("date")).collect();
    let healed = "Tue, 14 Nov 2023 22:33:20 GMT";
    assert_eq!(dates, ["Tue, 14 Nov 2023 22:13:20 GMT", healed, healed]);
    assert_eq!(client.clock_delta().as_secs(), 1200);
    // The same body, signed anew.
    assert_eq!(requests[0].body, requests[1].body);
    assert_ne!(requests[0].header("authorization"), requests[1].header("authorization"));
}

#[tokio::test]
async fn a_service_that_is_never_content_with_the_time_is_not_asked_for_ever() {
    let late = || failure(400, "RequestTimeExpired", "x-log-time: 1700001200\r\n");
    let server = Server::start([late(), late()]).await;
    let client = server.client().clock(Noon).build().unwrap();
    let error = client.logstore("p", "s").put(&group()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::RequestTimeExpired));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_time_that_is_nobodys_clock_is_not_signed_by() {
    for time in ["-62135596800", "-1", "946684799", "4102444800", "253402300799", "soon"] {
        let wrong = format!("x-log-requestid: 1\r\nx-log-time: {time}\r\n");
        let date = "date: Tue, 14 Nov 2023 22:33:20 GMT\r\n";
        let late = failure(400, "RequestTimeExpired", &format!("x-log-time: {time}\r\n{date}"));
        let server = Server::start([answer(200, &wrong, b""), late, ok("")]).await;
        let client = server.client().clock(Noon).retries(Retries::NONE).build().unwrap();
        let store = client.logstore("p", "s");
        store.put(&group()).await.unwrap();
        assert_eq!(client.clock_delta(), jiff::SignedDuration::ZERO, "{time}");
        // What stands beside it is believed.
        store.put(&group()).await.unwrap();
        assert_eq!(client.clock_delta().as_secs(), 1200, "{time}");
    }
}

#[tokio::test]
async fn a_clock_before_1970_is_no_panic() {
    #[derive(Debug)]
    struct Dawn;
    impl Clock for Dawn {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(-86_400).unwrap()
        }
    }
    let late = "x-log-time: 1700001200\r\n";
    let server = Server::start([failure(400, "RequestTimeExpired", late), ok("")]).await;
    let client = server.client().clock(Dawn).retries(Retries::NONE).build().unwrap();
    client.logstore("p", "s").put(&group()).await.unwrap();
    let requests = server.requests();
    let dates: Vec<_> = requests.iter().map(|request| request.header("date")).collect();
    assert_eq!(dates, ["Wed, 31 Dec 1969 00:00:00 GMT", "Tue, 14 Nov 2023 22:33:20 GMT"]);
}

/// Hands out the next credential when one was refused.
#[derive(Debug)]
struct Rotating(Mutex<Vec<Credential>>);

#[async_trait]
impl Provider for Rotating {
    async fn get(&self) -> Result<Credential> {
        Ok(self.0.lock().unwrap().first().unwrap().clone())
    }

    async fn invalidate(&self, used: &Credential) {
        let mut left = self.0.lock().unwrap();
        if left.len() > 1 && left[0] == *used {
            left.remove(0);
        }
    }
}

#[tokio::test]
async fn a_credential_that_was_rotated_costs_no_batch() {
    for code in ["SignatureNotMatch", "SecurityTokenExpired", "InvalidAccessKeyId.NotFound"] {
        let server = Server::start([failure(401, code, ""), ok("")]).await;
        let rotating = ["old", "new"].map(|id| Credential::new(id, "secret"));
        let client = server.client().credentials(Rotating(Mutex::new(rotating.to_vec())));
        let client = client.retries(Retries::NONE).build().unwrap();
        client.logstore("p", "s").put(&group()).await.unwrap();
        let requests = server.requests();
        assert!(requests[0].header("authorization").starts_with("LOG old:"));
        assert!(requests[1].header("authorization").starts_with("LOG new:"));
    }
}

#[tokio::test]
async fn a_credential_that_is_refused_is_not_tried_twice() {
    let server = Server::start([failure(401, "SignatureNotMatch", "")]).await;
    let client = server.client().retries(quick()).build().unwrap();
    let error = client.logstore("p", "s").put(&group()).await.unwrap_err();
    assert_eq!((error.class(), server.requests().len()), (Class::Refresh, 1));
}

#[tokio::test]
async fn a_put_is_repeated_while_that_may_help() {
    let answers = [
        failure(500, "InternalServerError", ""),
        failure(403, "WriteQuotaExceed", ""),
        failure(403, "ShardWriteQuotaExceed", ""),
        answer(200, "", b"<html>portal</html>"),
        answer(502, "", b"<html>bad gateway</html>"),
        Vec::new(),
        ok(""),
    ];
    let server = Server::start(answers).await;
    let client = server.client().retries(quick()).build().unwrap();
    client.logstore("p", "s").put(&group()).await.unwrap();
    assert_eq!(server.requests().len(), 7);
}

#[tokio::test]
async fn what_asks_for_a_decision_is_returned_at_once() {
    for (status, code, class) in [
        (413, "PostBodyTooLarge", Class::Split),
        (404, "LogStoreNotExist", Class::Wait),
        (400, "PostBodyInvalid", Class::Permanent),
        (400, "InvalidSequenceId", Class::Done),
    ] {
        let server = Server::start([failure(status, code, "")]).await;
        let client = server.client().retries(quick()).build().unwrap();
        let error = client.logstore("p", "s").put(&group()).await.unwrap_err();
        assert_eq!((error.class(), server.requests().len()), (class, 1));
    }
}

#[tokio::test]
async fn who_repeats_calls_himself_gets_every_failure() {
    let server = Server::start([failure(503, "ServerBusy", "")]).await;
    let client = server.client().retries(Retries::NONE).build().unwrap();
    let error = client.logstore("p", "s").put(&group()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::ServerBusy));
    assert!(!error.is_ambiguous());
}

#[tokio::test]
async fn what_may_have_been_made_is_not_made_twice() {
    let server = Server::start([Vec::new()]).await;
    let client = server.client().retries(quick()).build().unwrap();
    let error = client.call(&Call::post("/logstores").project("p")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_ambiguous()), (ErrorKind::Network, true));
    assert_eq!(server.requests().len(), 1);
    // ServerBusy made nothing.
    let server = Server::start([failure(503, "ServerBusy", ""), ok("")]).await;
    let client = server.client().retries(quick()).build().unwrap();
    client.call(&Call::post("/logstores").project("p")).await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start([answer(302, "location: http://127.0.0.1:1/\r\n", b"")]).await;
    let client = server.client().retries(Retries::NONE).build().unwrap();
    let error = client.call(&Call::get("/")).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Foreign, Some(302)));
}

#[tokio::test]
async fn nobody_there_is_not_ambiguous_and_names_no_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let credential = Credential::new("id", "the-secret").with_token("the-token");
    let client = Client::builder(endpoint).no_proxy().credentials(credential);
    let client = client.retries(Retries::NONE).build().unwrap();
    let error = client.logstore("p", "s").put(&group()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_ambiguous()), (ErrorKind::Network, false));
    let shown = format!("{error} {error:?} {client:?}");
    assert!(!shown.contains("the-"), "{shown}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder(endpoint).no_proxy().credentials(Credential::new("id", "secret"));
    let client = client.timeout(Duration::from_millis(50)).retries(Retries::NONE).build().unwrap();
    let error = client.call(&Call::get("/")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_ambiguous()), (ErrorKind::Timeout, true));
}

#[cfg(feature = "lz4")]
#[tokio::test]
async fn a_compressed_answer_is_unpacked_and_a_lie_about_its_size_is_seen() {
    let raw = r#"{"data":"data data data data data data data"}"#;
    let body = Compression::Lz4.compress(raw.as_bytes()).unwrap();
    let packed = |size: usize| {
        let headers = format!(
            "x-log-requestid: 1\r\nx-log-compresstype: lz4\r\nx-log-bodyrawsize: {size}\r\n"
        );
        answer(200, &headers, &body)
    };
    let size = raw.len();
    let lies = [packed(size), packed(size + 1), packed(1), packed(65 << 20), packed(usize::MAX)];
    let server = Server::start(lies).await;
    let client = server.client().build().unwrap();
    let answer = client.call(&Call::get("/")).await.unwrap();
    assert_eq!(answer.body(), raw);
    for said in ["another size", "cannot be decompressed", "64 MiB", "64 MiB"] {
        let error = client.call(&Call::get("/")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.message().contains(said), "{error}");
    }
}

#[tokio::test]
async fn odd_names_travel_as_they_were_signed() {
    let server = Server::start([ok(""), ok("")]).await;
    let client = server.client().build().unwrap();
    let name = "重 /?&'\"+*~#%2e";
    let call = Call::get("/dashboards").segment(name).query("query", name).project("p");
    client.call(&call).await.unwrap();
    let encoded = crate::sign::percent_encode(name);
    let line = format!("GET /dashboards/{encoded}?query={encoded} HTTP/1.1");
    assert_eq!(server.requests()[0].line, line);
}

#[tokio::test]
async fn what_cannot_be_sent_is_said_before() {
    let client = Client::builder("http://127.0.0.1:1").credentials(Credential::new("id", "secret"));
    let client = client.build().unwrap();
    for call in [
        Call::get("/logstores").segment(".."),
        Call::get("/logstores").segment(""),
        Call::get("/").project("not a host/"),
        Call::get("/").project(""),
        Call::get("/").header("accept", "a\nb"),
    ] {
        let error = client.call(&call).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{call:?}");
    }
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    let builder = |endpoint: &str| Client::builder(endpoint).credentials(Credential::new("a", "b"));
    let global = "log-global.aliyuncs.com";
    for (builder, said) in [
        (Client::builder(global), "no credentials"),
        (builder("ftp://x"), "https or http"),
        (builder(global).signature(Signature::V4), "needs the region"),
        (builder(global).region(""), "the region"),
        (builder(global).region("cn\n"), "the region"),
        (builder(global).region("cn/x"), "not cn/x"),
        (builder(global).region("cn-Hangzhou").signature(Signature::V1), "not cn-Hangzhou"),
        (builder(global).region("xx-acdr-ut-1").signature(Signature::V1), "v4 only"),
        (builder(global).authorities("no certificate"), "no certificates"),
        (builder(global).proxy("http://user:pass word@"), "no URL of a proxy"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn v4_is_taken_where_the_region_is_known() {
    let region = |endpoint: &str| {
        let client = Client::builder(endpoint).credentials(Credential::new("a", "b")).build();
        client.unwrap().region()
    };
    assert_eq!(region("cn-hangzhou-intranet.log.aliyuncs.com").as_deref(), Some("cn-hangzhou"));
    assert_eq!(region("log-global.aliyuncs.com"), None);
}
