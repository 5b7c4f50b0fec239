//! What the double refuses, in the service's dialect, and what it survives.

use super::*;

#[tokio::test]
async fn a_wrong_signature_is_refused() {
    let double = double().await;
    let spoken = Spoken { secret: "another-secret", ..Spoken::put(group([second(&double)])) };
    let heard = spoken.send(&double).await;
    assert_eq!((heard.status, heard.code().as_str()), (401, "SignatureNotMatch"));
    assert!(double.logs("k8s-log-c1", "k8s-event").is_empty());
    assert_eq!(double.exchanges()[0].access_key_id, None);
}

#[tokio::test]
async fn a_stale_date_is_refused_and_the_servers_time_is_told() {
    let double = double().await;
    double.clock_skew(SignedDuration::from_mins(20));
    let date = httpdate::fmt_http_date(Timestamp::now().into());
    let heard = Spoken::put(group([second(&double)])).with("Date", &date).send(&double).await;
    assert_eq!((heard.status, heard.code().as_str()), (400, "RequestTimeExpired"));
    let told: i64 = heard.header("x-log-time").unwrap().parse().unwrap();
    assert!((second(&double) - told).abs() < 60);
}

#[tokio::test]
async fn a_missing_length_is_refused_also_of_chunks() {
    let double = double().await;
    let signed = Spoken::put(group([second(&double)])).signed(&double);
    let text = String::from_utf8_lossy(&signed.bytes()).into_owned();
    let head = text.split("Content-Length").next().unwrap();
    for more in ["\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"] {
        let heard = told(&double, format!("{head}{more}").as_bytes()).await;
        assert_eq!((heard.status, heard.code().as_str()), (411, "MissingContentLength"));
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let double = double().await;
    let head = "POST /logstores/k8s-event/shards/lb HTTP/1.1\r\nHost: a.b\r\nContent-Length: 10485761\r\n\r\n";
    // Nothing of it is sent.
    let heard = told(&double, head.as_bytes()).await;
    assert_eq!((heard.status, heard.code().as_str()), (413, "PostBodyTooLarge"));
    // All of it is sent, and the answer is heard all the same.
    let heard = Spoken::put(vec![0; LARGEST_BODY + 1]).send(&double).await;
    assert_eq!((heard.status, heard.code().as_str()), (413, "PostBodyTooLarge"));
}

#[tokio::test]
async fn ten_mebibytes_are_taken() {
    let double = double().await;
    let now = second(&double);
    let mut body = group([now; 4095]);
    // An unknown field fills it up: its tag, four bytes of length, and what it holds.
    let rest = LARGEST_BODY - body.len() - 6;
    body.extend([0xa2, 0x06]);
    let length = u32::try_from(rest).unwrap();
    for place in 0..4 {
        let more = if place < 3 { 0x80 } else { 0 };
        body.push(u8::try_from(length >> (7 * place) & 0x7f).unwrap() | more);
    }
    body.resize(LARGEST_BODY, b'x');
    assert_eq!(Spoken::put(body).send(&double).await.status, 200);
    assert_eq!(double.logs("k8s-log-c1", "k8s-event").len(), 4095);
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let double = double().await;
    let raw = vec![0; 16 * 1024 * 1024];
    for (kind, name) in
        [(Compression::Lz4, "lz4"), (Compression::Zstd, "zstd"), (Compression::Deflate, "deflate")]
    {
        let bomb = Spoken::put(kind.compress(&raw)).with("x-log-compresstype", name);
        for size in ["1000", "10485760"] {
            let heard = bomb.clone().with("x-log-bodyrawsize", size).send(&double).await;
            assert_eq!((heard.status, heard.code().as_str()), (400, "PostBodyUncompressError"));
        }
        let honest = bomb.with("x-log-bodyrawsize", "16777216").send(&double).await;
        assert_eq!((honest.status, honest.code().as_str()), (413, "PostBodyTooLarge"));
    }
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let double = Double::builder().patience(Duration::from_millis(50)).start().await;
    let head = "POST / HTTP/1.1\r\nHost: a.b\r\nContent-Length: 100\r\n\r\nslow";
    let heard = told(&double, head.as_bytes()).await;
    assert_eq!((heard.status, heard.code().as_str()), (500, "RequestTimeout"));
}

#[tokio::test]
async fn logs_that_the_service_would_not_take_are_refused() {
    let double = double().await;
    let now = second(&double);
    let code = async |spoken: Spoken| spoken.send(&double).await.code();
    for time in [0, now - 7 * 24 * 3600 - 60, now + 15 * 60 + 60] {
        let heard = Spoken::put(group([now, time])).send(&double).await;
        assert_eq!(heard.code(), "PostBodyInvalid");
        assert!(heard.json()["errorMessage"].as_str().unwrap().contains("out of range"));
    }
    assert_eq!(code(Spoken::put(group([now; 4097]))).await, "PostBodyTooLarge");
    assert_eq!(code(Spoken::put(b"no protobuf".to_vec())).await, "PostBodyInvalid");
    assert_eq!(code(Spoken::put(Vec::new())).await, "PostBodyInvalid");
    let put = || Spoken::put(group([now]));
    assert_eq!(code(put().with("Content-Type", "application/json")).await, "InvalidContentType");
    assert_eq!(code(put().with("Content-Type", "")).await, "MissingContentType");
    assert_eq!(code(put().with("x-log-bodyrawsize", "")).await, "MissingBodyRawSize");
    assert_eq!(code(put().with("x-log-bodyrawsize", "many")).await, "InvalidBodyRawSize");
    assert_eq!(code(put().with("x-log-bodyrawsize", "7")).await, "InvalidBodyRawSize");
    assert_eq!(code(put().with("x-log-compresstype", "snappy")).await, "InvalidCompressType");
    let elsewhere = |target: &str| Spoken { target: target.to_owned(), ..put() };
    assert_eq!(code(elsewhere("/logstores/other/shards/lb")).await, "LogStoreNotExist");
    assert_eq!(
        code(elsewhere("/logstores/k8s-event/shards/route?key=xyz")).await,
        "ParameterInvalid"
    );
    let host = "other.cn-hangzhou.log.aliyuncs.com";
    assert_eq!(code(put().with("Host", host)).await, "ProjectNotExist");
    assert_eq!(code(put().with("Host", "127.0.0.1")).await, "InvalidHost");
    assert_eq!(code(put().with("Host", "")).await, "MissingHost");
    // The body is not what was hashed.
    let mut changed = put().signed(&double);
    let last = changed.body.len() - 1;
    changed.body[last] ^= 1;
    assert_eq!(told(&double, &changed.bytes()).await.code(), "PostBodyInvalid");
    assert!(double.logs("k8s-log-c1", "k8s-event").is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_decoder_fall(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode::group(&bytes, 100).ok();
    }

    #[test]
    fn no_change_of_a_group_makes_the_decoder_fall(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = group([1_700_000_000; 3]);
        let at = at.index(bytes.len());
        bytes[at] = to;
        bytes.truncate(cut.index(bytes.len()) + 1);
        decode::group(&bytes, 100).ok();
    }

    #[test]
    fn no_statement_makes_the_search_fall(statement in "[a-z*?:()\\[\\]<>=\" |\\\\重]{0,40}") {
        let index = Object::from_iter([("line".to_owned(), json!({ "token": [" "], "chn": true }))]);
        if let Ok(search) = search::Search::new(&statement, &index) {
            search.matches(&vec![("k".to_owned(), "a 重 b".to_owned())]);
        }
    }
}

#[tokio::test]
async fn whatever_is_said_the_next_one_is_answered() {
    let double = double().await;
    let said: [&[u8]; 7] = [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"\xff\xfe\x00 \xff \xff\r\n\r\n",
    ];
    for said in said {
        let heard = told(&double, said).await;
        assert_eq!((heard.status, heard.code().as_str()), (400, "BadRequest"));
    }
    let heard = told(&double, &vec![b'a'; 100_000]).await;
    assert_eq!((heard.status, heard.code().as_str()), (400, "BadRequest"));
    let heard =
        told(&double, format!("GET /{} HTTP/1.1\r\n\r\n", "%".repeat(1000)).as_bytes()).await;
    assert_eq!(heard.code(), "MissingHost");
    assert_eq!(Spoken::put(group([second(&double)])).send(&double).await.status, 200);
}
