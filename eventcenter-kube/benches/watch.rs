//! How many events of 1.6 kB a watch reads in a second of one processor, from the frames of the body on, and how
//! many a list does. No network and no TLS: those are the kernel's and rustls's.
//!
//! ```text
//! cargo bench -p eventcenter-kube
//! ```

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use eventcenter_core::{Cluster, Health, Metrics, Observed, Position, Source as _, SystemClock};
use eventcenter_kube::{ApiServer, ClusterConfig, EventWatch, Surroundings};
use futures::{StreamExt, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use kube::client::Body;

const EVENTS: u64 = 300_000;

/// An event of about 1.6 kB, as the kubelet makes them.
fn document(n: u64) -> String {
    let fields = r#"{"f:count":{},"f:firstTimestamp":{},"f:involvedObject":{},"f:lastTimestamp":{},"f:message":{},"f:reason":{},"f:reportingComponent":{},"f:source":{"f:component":{},"f:host":{}},"f:type":{}}"#;
    let message = "Back-off restarting failed container web in pod web-5d8f7c9b6-x2k4q ".repeat(6);
    format!(
        r#"{{"kind":"Event","apiVersion":"v1","metadata":{{"name":"web-5d8f7c9b6-x2k4q.{n:016x}","namespace":"default","uid":"7b0e2c1a-1111-4222-8333-{n:012x}","resourceVersion":"{}","creationTimestamp":"2026-11-26T08:00:00Z","managedFields":[{{"manager":"kubelet","operation":"Update","apiVersion":"v1","time":"2026-11-26T08:00:00Z","fieldsType":"FieldsV1","fieldsV1":{fields}}}]}},"involvedObject":{{"kind":"Pod","namespace":"default","name":"web-5d8f7c9b6-x2k4q","uid":"9c0e2c1a-1111-4222-8333-444455556666","apiVersion":"v1","resourceVersion":"4711","fieldPath":"spec.containers{{web}}"}},"reason":"BackOff","message":"{message}","source":{{"component":"kubelet","host":"node-1"}},"firstTimestamp":"2026-11-26T07:00:00Z","lastTimestamp":"2026-11-26T08:00:00Z","count":12,"type":"Warning","eventTime":null,"reportingComponent":"kubelet","reportingInstance":"node-1"}}"#,
        n + 1
    )
}

async fn answer(
    request: Request<Body>,
) -> Result<Response<impl http_body::Body<Data = Bytes, Error = Infallible>>, Infallible> {
    let query = request.uri().query().unwrap();
    let head = format!(r#"{{"metadata":{{"resourceVersion":"{EVENTS}"}},"items":["#);
    let pieces: Vec<Bytes> = if query.contains("watch=1") {
        // One frame a line, as the API server sends them.
        return Ok(body(lines()));
    } else if query == "limit=1" {
        vec![head.into(), "]}".into()]
    } else {
        // In one page, as if the server knew no pages.
        let mut text = head;
        for n in 0..EVENTS / 10 {
            text.push_str(if n == 0 { "" } else { "," });
            text.push_str(&document(n));
        }
        text.push_str("]}");
        let text = Bytes::from(text);
        (0..text.len())
            .step_by(16 << 10)
            .map(|at| text.slice(at..text.len().min(at + (16 << 10))))
            .collect()
    };
    Ok(body(pieces))
}

fn lines() -> Vec<Bytes> {
    let line = |n| format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", document(n)).into();
    (0..EVENTS).map(line).collect()
}

type Pieces = stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>;

fn body(pieces: Vec<Bytes>) -> Response<StreamBody<Pieces>> {
    let pieces = stream::iter(pieces).map(|piece| Ok(Frame::data(piece)));
    Response::new(StreamBody::new(pieces.boxed()))
}

async fn measure(what: &str, events: u64, resume: Option<Position>) {
    let around = Surroundings {
        server: ApiServer::from_client(
            kube::Client::new(tower::service_fn(answer), "default"),
            "memory",
        ),
        cluster: Arc::new(Cluster { id: "c1".into(), name: "bench".into() }),
        clock: Arc::new(SystemClock),
        health: Health::new(),
        metrics: Metrics::new(),
    };
    let mut watch = EventWatch::new(&ClusterConfig::default(), None, resume, around);
    let (mut seen, mut bytes, mut start) = (0, 0, Instant::now());
    while seen < events {
        if let Observed::Event(event, _) = watch.next().await.unwrap() {
            if seen == 0 {
                // What comes before is the making of the documents.
                start = Instant::now();
            }
            seen += 1;
            bytes += event.raw().len();
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{what}: {:.0} events/s, {:.2} us each of {} bytes",
        seen as f64 / seconds,
        seconds * 1e6 / seen as f64,
        bytes as u64 / seen
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        measure("watch", EVENTS - 1, Some(Position::new("1", jiff::Timestamp::UNIX_EPOCH))).await;
        measure("list", EVENTS / 10, None).await;
    });
}
