//! Signatures that official clients publish or made, taken as they are: the double must agree with each.

use super::*;

/// A group of logs, 210 bytes, signed below as it is and as an LZ4 block of one literal.
const GROUP: &str = "0a88010880e2cfaa0612120a08686f73746e616d6512066e6f64652d3112100a056c6576656c12075761726e696e6712\
     0e0a06706f645f696412043866336312110a08706f645f6e616d6512057765622d3012320a076576656e74496412277b\
     22726561736f6e223a224261636b4f6666222c226d657373616765223a22e9878de590af227d2515cd5b071a096b3873\
     2d6576656e74220831302e302e302e3132210a0b5f5f7061636b5f69645f5f1212303132333435363738394142434445\
     462d30320d0a07636c757374657212026331";

fn group() -> Vec<u8> {
    unhex(GROUP).unwrap()
}

fn block() -> Vec<u8> {
    [vec![0xf0, 0xc3], group()].concat()
}

/// `target` has a query; headers are `name: value`.
fn request(method: &str, target: &str, headers: &[&str], body: &[u8]) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |line: &&str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    let mut request = Request::default();
    method.clone_into(&mut request.method);
    path.clone_into(&mut request.path);
    query.clone_into(&mut request.query);
    request.headers = headers.iter().map(header).collect();
    request.body = body.to_vec();
    request
}

fn verify(request: &Request, keys: &[Key], now: &str) -> Result<String, Refusal> {
    Verifier { keys, region: "cn-hangzhou", now: now.parse().unwrap() }.check(request)
}

fn key(id: &str, secret: &str, token: &str) -> Key {
    Key::from(&Credential::new(id, secret).with_token(token))
}

/// A request of our own vectors under v1.
fn v1(method: &str, target: &str, more: &[&str], body: &[u8], signature: &str) -> Request {
    let authorization = format!("Authorization: LOG testAccessKeyId:{signature}");
    let common = [
        "x-log-apiversion: 0.6.0",
        "x-log-signaturemethod: hmac-sha1",
        "Date: Tue, 14 Nov 2023 22:13:20 GMT",
        &authorization,
    ];
    request(method, target, &[&common, more].concat(), body)
}

const NOW: &str = "2023-11-14T22:13:20Z";
const PUT: &str = "/logstores/k8s-event/shards/lb";
const ROUTE: &str = "/logstores/k8s-event/shards/route?key=f4000000000000000000000000000000";
const PROTOBUF: &str = "Content-Type: application/x-protobuf";
const SIZE: &str = "x-log-bodyrawsize: 210";
const LZ4: &str = "x-log-compresstype: lz4";
const BLOCK_MD5: &str = "Content-MD5: 30FC47CC2831ED1125836222788CE229";

fn v1_vectors() -> Vec<(Request, &'static str)> {
    let put = [PROTOBUF, SIZE, LZ4, BLOCK_MD5];
    let token = [&put[..], &["x-acs-security-token: testSecurityToken"]].concat();
    let query = "/logstores/k8s-event?type=log&from=1700000000&to=1700003600&line=100&offset=0\
                 &query=level%3A%20Warning+and%20%E9%87%8D%E5%90%AF%20%7C%20SELECT%20count(*)\
                 &topic=&reverse=true";
    let plain = [PROTOBUF, SIZE, "Content-MD5: B86A03BB5C09EF26CDA84DE200713EC7"];
    vec![
        (v1("POST", PUT, &plain, &group(), "FFAYHDciw/mSzdEHtK/Z9W7uDqk="), ""),
        (v1("POST", PUT, &put, &block(), "fJs38DwyzuY4ekJHJkTVseBkPcM="), ""),
        (v1("POST", PUT, &token, &block(), "pg1i0VIqvGIfH0oxh7R7LIEm77M="), "testSecurityToken"),
        (v1("POST", ROUTE, &put, &block(), "ROvlWoOAaJtR5+CPU8Dbzuz61Fs="), ""),
        (v1("GET", query, &["x-log-bodyrawsize: 0"], b"", "hr8N9feKbsZooNbf64wymCDjFfI="), ""),
        (
            v1(
                "GET",
                "/dashboards/my%20dash",
                &["x-log-bodyrawsize: 0"],
                b"",
                "zBlvovfI5mkLuB++oVSk7AQBbeQ=",
            ),
            "",
        ),
        (
            v1(
                "GET",
                "/dashboards/%E9%87%8D",
                &["x-log-bodyrawsize: 0"],
                b"",
                "rMyEbgUdpySS/LduFu3zeMaSca8=",
            ),
            "",
        ),
    ]
}

fn v4(method: &str, target: &str, more: &[&str], body: &[u8], signature: &str) -> Request {
    let scope = "testAccessKeyId/20231114/cn-hangzhou/sls/aliyun_v4_request";
    let authorization =
        format!("Authorization: SLS4-HMAC-SHA256 Credential={scope},Signature={signature}");
    let hash = format!("x-log-content-sha256: {}", hex::<false>(&Sha256::digest(body)));
    let common = [
        "x-log-apiversion: 0.6.0",
        "x-log-date: 20231114T221320Z",
        "Host: k8s-log-c1.cn-hangzhou.log.aliyuncs.com",
        &hash,
        &authorization,
    ];
    request(method, target, &[&common, more].concat(), body)
}

fn v4_vectors() -> Vec<(Request, &'static str)> {
    let put = [PROTOBUF, SIZE, LZ4];
    let token = [&put[..], &["x-acs-security-token: testSecurityToken"]].concat();
    let json = ["Content-Type: application/json", "x-log-bodyrawsize: 98"];
    let query = br#"{"from":1700000000,"to":1700003600,"query":"level: Warning","line":100,"offset":0,"reverse":false}"#;
    let list = "/logstores?offset=0&size=500&logstoreName=&telemetryType=None";
    vec![
        (
            v4(
                "POST",
                PUT,
                &put,
                &block(),
                "4e6381ae040b193528c28216197536211085432b1b952fea67b63f8afb402a60",
            ),
            "",
        ),
        (
            v4(
                "POST",
                PUT,
                &token,
                &block(),
                "55488966d7b4de0057f6e16e0bafe5e65a784b623398e6bfeb5f3a6c3ece57cb",
            ),
            "testSecurityToken",
        ),
        (
            v4(
                "POST",
                ROUTE,
                &put,
                &block(),
                "7c30ea3b99f0e4ea285e9323d3d52863c041073f671f55db8779aca13f12f24c",
            ),
            "",
        ),
        (
            v4(
                "GET",
                list,
                &["x-log-bodyrawsize: 0"],
                b"",
                "957a82d00b306679f3cb9388df8b064d1aabacbbb649cd34bfe8f515e4e5e12a",
            ),
            "",
        ),
        (
            v4(
                "POST",
                "/logstores/k8s-event/logs",
                &json,
                query,
                "270b76837862abc68182937ce8965a75efce1089195b3e0f0b3c4e45869109c0",
            ),
            "",
        ),
    ]
}

#[test]
fn signatures_of_official_signers_hold() {
    for (request, token) in v1_vectors().iter().chain(&v4_vectors()) {
        let keys = [key("testAccessKeyId", "testAccessKeySecret", token)];
        let found = verify(request, &keys, NOW);
        assert_eq!(found.as_deref(), Ok("testAccessKeyId"), "{request:?}");
    }
}

/// Whatever is signed, and is not as it was when it was signed, is noticed.
#[test]
fn nothing_that_is_signed_can_be_changed() {
    for (mut request, token) in v1_vectors().into_iter().chain(v4_vectors()) {
        let keys = [key("testAccessKeyId", "testAccessKeySecret", token)];
        let refused = |request: &Request, what: &str| {
            let found = verify(request, &keys, NOW);
            assert!(found.is_err(), "{what}: {request:?}");
        };
        let v4 = request.header("x-log-date").is_some();
        for at in 0..request.headers.len() {
            let (name, value) = request.headers[at].clone();
            let signed = if v4 { name != "content-md5" } else { name != "host" };
            if signed {
                request.headers[at].1 = value.replacen(|c: char| c.is_ascii_digit(), "7", 1) + "7";
                refused(&request, &name);
                request.headers[at].1 = value;
            }
        }
        request.headers.push(("x-log-more".to_owned(), "1".to_owned()));
        refused(&request, "a header more");
        request.headers.pop();
        request.path.push('x');
        refused(&request, "path");
        request.path.pop();
        request.query.push_str("&x=1");
        refused(&request, "query");
        request.query.truncate(request.query.len() - 4);
        if !request.body.is_empty() {
            request.body[3] ^= 1;
            refused(&request, "body");
            request.body[3] ^= 1;
        }
        let other = if request.method == "POST" { "PUT" } else { "POST" };
        other.clone_into(&mut request.method);
        refused(&request, "method");
    }
}

#[test]
fn a_signature_is_good_for_fifteen_minutes() {
    let keys = [key("testAccessKeyId", "testAccessKeySecret", "")];
    for (request, token) in v1_vectors().iter().chain(&v4_vectors()) {
        if !token.is_empty() {
            continue;
        }
        for now in ["2023-11-14T22:28:20Z", "2023-11-14T21:58:20Z"] {
            assert!(verify(request, &keys, now).is_ok(), "{now}");
        }
        for now in ["2023-11-14T22:28:21Z", "2023-11-14T21:58:19Z"] {
            let refusal = verify(request, &keys, now).unwrap_err();
            assert_eq!((refusal.status, refusal.code.as_str()), (400, "RequestTimeExpired"));
        }
    }
}

#[test]
fn a_key_is_known_by_its_id_its_secret_and_its_token() {
    let (request, _) = v4_vectors().swap_remove(1);
    let code = |keys: &[Key]| {
        let refusal = verify(&request, keys, NOW).unwrap_err();
        (refusal.code, refusal.message)
    };
    let (found, message) = code(&[key("another", "testAccessKeySecret", "testSecurityToken")]);
    assert_eq!((found.as_str(), message.contains("not found")), ("Unauthorized", true));
    let (found, _) = code(&[key("testAccessKeyId", "another", "testSecurityToken")]);
    assert_eq!(found, "SignatureNotMatch");
    let (found, message) = code(&[key("testAccessKeyId", "testAccessKeySecret", "another")]);
    assert_eq!((found.as_str(), message.contains("invalid")), ("Unauthorized", true));
    let credential = Credential::new("testAccessKeyId", "testAccessKeySecret")
        .with_token("testSecurityToken")
        .with_expiry(NOW.parse().unwrap());
    let (found, message) = code(&[Key::from(&credential)]);
    assert_eq!((found.as_str(), message.contains("expired")), ("Unauthorized", true));
}

#[test]
fn published_strings_of_v1_are_signed() {
    let common = ["x-log-apiversion: 0.6.0", "x-log-signaturemethod: hmac-sha1"];
    let signature = |secret: &str, target: &str, method: &str, more: &[&str], date: &str| {
        let request = request(method, target, &[&common, more].concat(), b"");
        let text = v1_text(&request, date);
        STANDARD.encode(sha1_mac(secret.as_bytes(), text.as_bytes()).finalize().into_bytes())
    };
    let go = "Mon, 3 Jan 2010 08:33:47 GMT";
    let size = ["x-log-bodyrawsize: 0"];
    let found = signature("mockAccessKeySecret", "/logstores", "GET", &size, go);
    assert_eq!(found, "Rwm6cTKzoti4HWoe+GKcb6Kv07E=");
    let more = [PROTOBUF, "x-log-bodyrawsize: 50", "Content-MD5: 8D6881250FF5559F59BBDF04100F6E59"];
    let found = signature("mockAccessKeySecret", "/logstores/app_log", "GET", &more, go);
    assert_eq!(found, "87xQWqFaOSewqRIma8kPjGYlXHc=");
    let secret = "4fdO2fTDDnZPU/L7CHNdemB2Nsk=";
    let list = "/logstores?size=1000&logstoreName=&offset=0";
    let found = signature(secret, list, "GET", &[], "Mon, 09 Nov 2015 06:11:16 GMT");
    assert_eq!(found, "jEYOTCJs2e88o+y5F4/S5IsnBJQ=");
    let more =
        [PROTOBUF, "x-log-bodyrawsize: 50", LZ4, "Content-MD5: 1DD45FA4A70A9300CC9FE7305AF2C494"];
    let date = "Mon, 09 Nov 2015 06:03:03 GMT";
    let found = signature(secret, "/logstores/test-logstore", "POST", &more, date);
    assert_eq!(found, "XWLGYHGg2F2hcfxWxMLiNkGki6g=");
    // The one-digit day is read too, and no day of the week is believed.
    assert_eq!(http_date(go).unwrap().to_string(), "2010-01-03T08:33:47Z");
    assert_eq!(http_date("2010-01-03T08:33:47Z"), None);
}

#[test]
fn published_canonical_requests_of_v4_are_found() {
    // Of the clients for Go, Java and Python; without Host.
    let body = b"adasd= -asd zcas";
    let hash = hex::<false>(&Sha256::digest(body));
    let line = format!("x-log-content-sha256: {hash}");
    let headers = [
        "hello: world",
        "x-log-test: het123",
        "x-acs-ppp: dds",
        "x-log-date: 20220808T032330Z",
        &line,
    ];
    let query = "+abc=efg&+agc+=&=efg&A-bc=eFg&abs-ij*asd%2Fvc=a~js%2Bd+ada&a+abAas123%2Fvc=a~jdad+a2ADFs%2Bd+ada";
    let target = format!("/logstores/hello/a+*~bb/cc?{query}");
    let text = v4_text(&request("POST", &target, &headers, body), &hash);
    let expected = format!(
        "POST\n/logstores/hello/a+*~bb/cc\n=efg& abc=efg& agc &A-bc=eFg&a abAas123/vc=a~jdad%20a2ADFs%2Bd%20ada\
         &abs-ij*asd/vc=a~js%2Bd%20ada\nx-acs-ppp:dds\nx-log-content-sha256:{hash}\nx-log-date:20220808T032330Z\n\
         x-log-test:het123\n\nx-acs-ppp;x-log-content-sha256;x-log-date;x-log-test\n{hash}"
    );
    assert_eq!(text, expected);
    let found = hex::<false>(&Sha256::digest(text.as_bytes()));
    assert_eq!(found, "8d9643a81e9b56ac4b8ce3d6babb24282e612d64da14baeddf935e13648f0b9a");
}

#[test]
fn what_is_missing_has_its_own_code() {
    let keys = [key("testAccessKeyId", "testAccessKeySecret", "")];
    let code = |request: &Request, without: &str| {
        let mut less = Request { method: request.method.clone(), ..Request::default() };
        less.path.clone_from(&request.path);
        less.headers =
            request.headers.iter().filter(|(name, _)| name != without).cloned().collect();
        less.body.clone_from(&request.body);
        verify(&less, &keys, NOW).unwrap_err().code
    };
    let (old, _) = v1_vectors().swap_remove(1);
    assert_eq!(code(&old, "x-log-apiversion"), "MissingAPIVersion");
    assert_eq!(code(&old, "authorization"), "MissAccessKeyId");
    assert_eq!(code(&old, "x-log-signaturemethod"), "MissingSignatureMethod");
    assert_eq!(code(&old, "date"), "MissingDate");
    let (new, _) = v4_vectors().swap_remove(0);
    assert_eq!(code(&new, "x-log-date"), "MissingDate");
    assert_eq!(code(&new, "host"), "SignatureNotMatch");
}
