//! The webhook against receivers that misbehave: what each fault is called, and what is to be done about it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use eventcenter_core::testing::{Answer, Upstream, events};
use eventcenter_core::{Action, Batch, Error, ErrorKind, Receipt, Result, Secret, Sink};
use eventcenter_sinks::http::{TlsConfig, install_crypto_provider};
use eventcenter_sinks::webhook::{Batching, Webhook, WebhookConfig};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use tokio::io::{copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

fn hook(config: WebhookConfig) -> Webhook {
    Webhook::new("hook", config).unwrap()
}

async fn deliver(config: WebhookConfig) -> Result<Receipt> {
    hook(config).deliver(&events::ordinary().into()).await
}

/// Delivers one event to a receiver that answers like this.
async fn told(answer: Answer) -> Result<Receipt> {
    let upstream = Upstream::start().await;
    upstream.answer(answer);
    deliver(WebhookConfig::new(format!("{}/in", upstream.url()))).await
}

fn meaning(error: &Error) -> (ErrorKind, Action, bool) {
    (error.kind(), error.action(), error.is_ambiguous())
}

#[tokio::test]
async fn any_2xx_is_success_whatever_the_body() {
    for status in [200, 201, 202, 204, 299] {
        told(Answer::status(status)).await.unwrap();
    }
    for body in ["", "<html>", r#"{"error":"no"#, "null"] {
        told(Answer::status(200).with_body(body)).await.unwrap();
    }
}

#[tokio::test]
async fn each_status_has_one_meaning() {
    use Action::{DeadLetter, Retry, Split, Suspend};
    use ErrorKind::{Auth, Config, Refused, Throttled, TooLarge, Unavailable};
    for (status, kind, action, ambiguous) in [
        (300, Config, Suspend, false),
        (304, Config, Suspend, false),
        (400, Refused, DeadLetter, false),
        (401, Auth, Suspend, false),
        (403, Auth, Suspend, false),
        (404, Config, Suspend, false),
        (405, Config, Suspend, false),
        (408, Unavailable, Retry, false),
        (410, Config, Suspend, false),
        (413, TooLarge, Split, false),
        (415, Refused, DeadLetter, false),
        (422, Refused, DeadLetter, false),
        (425, Unavailable, Retry, false),
        (429, Throttled, Retry, false),
        (451, Refused, DeadLetter, false),
        (500, Unavailable, Retry, false),
        (502, Unavailable, Retry, true),
        (503, Unavailable, Retry, false),
        (504, Unavailable, Retry, true),
        (599, Unavailable, Retry, false),
    ] {
        let error = told(Answer::status(status)).await.unwrap_err();
        assert_eq!(meaning(&error), (kind, action, ambiguous), "{status}");
        assert!(error.to_string().contains(&format!("status={status}")), "{error}");
    }
}

#[tokio::test]
async fn a_connection_that_takes_too_long_sent_nothing_and_is_not_ambiguous() {
    // It takes connections, and never says a word of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = WebhookConfig::new(format!("https://{address}/in"));
    config.timeout = Duration::from_millis(400).into();
    let error = deliver(config).await.unwrap_err();
    assert_eq!(meaning(&error), (ErrorKind::Unavailable, Action::Retry, false));
}

#[tokio::test]
async fn a_refusal_quotes_one_line_of_one_kilobyte() {
    let error =
        told(Answer::status(400).with_body("no\n\u{1b}[31m".repeat(1000))).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(r"body=no\n\u{1b}[31mno\n"), "{text}");
    assert!(text.len() < 4 << 10 && !text.contains('\n'), "{text}");
}

#[tokio::test]
async fn a_single_hook_never_drops_what_it_cannot_send() {
    let upstream = Upstream::start().await;
    let batch = Batch::new(events::many(2)).unwrap();
    let error = hook(WebhookConfig::new(upstream.url())).deliver(&batch).await.unwrap_err();
    assert_eq!(error.action(), Action::Split);
    assert!(upstream.exchanges().is_empty());
}

#[tokio::test]
async fn a_repeated_request_has_the_same_idempotency_key() {
    let upstream = Upstream::start().await;
    let mut config = WebhookConfig::new(upstream.url());
    config.batch = Batching::Array;
    let hook = hook(config);
    let (one, two) = (Batch::new(events::many(1)).unwrap(), Batch::new(events::many(2)).unwrap());
    for batch in [&one, &two, &two] {
        hook.deliver(batch).await.unwrap();
    }
    let keys: Vec<_> = upstream
        .accepted()
        .iter()
        .map(|r| r.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys[0].as_deref(), Some(events::many(1)[0].occurrence_key().as_str()));
    assert_eq!(keys[1], keys[2]);
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_rotated_secret_is_sent_without_a_restart() {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "one").unwrap();
    let mut config = WebhookConfig::new(upstream.url());
    config.headers.insert("X-Token".to_owned(), Secret::file(&file));
    let hook = hook(config);
    hook.deliver(&events::ordinary().into()).await.unwrap();
    std::fs::write(&file, "two").unwrap();
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    std::fs::File::options().append(true).open(&file).unwrap().set_modified(later).unwrap();
    hook.deliver(&events::ordinary().into()).await.unwrap();
    let sent: Vec<_> =
        upstream.accepted().iter().map(|r| r.header("x-token").map(str::to_owned)).collect();
    assert_eq!(sent, [Some("one".to_owned()), Some("two".to_owned())]);
}

#[tokio::test]
async fn a_probe_sends_no_event() {
    let upstream = Upstream::start().await;
    let hook = hook(WebhookConfig::new(upstream.url()));
    for (status, ok) in
        [(200, true), (404, true), (405, true), (401, false), (302, false), (503, false)]
    {
        upstream.answer(Answer::status(status));
        assert_eq!(hook.probe().await.is_ok(), ok, "{status}");
    }
    assert!(
        upstream
            .exchanges()
            .iter()
            .all(|(request, _)| request.method == "OPTIONS" && request.body.is_empty())
    );
}

#[test]
fn settings_that_cannot_be_honoured_are_named_and_not_shown() {
    let refused = |config| {
        let error = Webhook::new("hook", config).unwrap_err();
        assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
        format!("{}: {error}", error.setting())
    };
    for url in ["ftp://s3cr3t@example.org/", "s3cr3t", ""] {
        assert_eq!(refused(WebhookConfig::new(url)), "url: hook: this is no http or https URL");
    }
    let mut config = WebhookConfig::new("http://example.org");
    config.headers.insert("X-Token".to_owned(), "s3cr3t\n".into());
    assert_eq!(refused(config), "headers.x-token: hook: x-token cannot have this value");
    let mut config = WebhookConfig::new("http://example.org");
    config.headers.insert("no name".to_owned(), "s3cr3t".into());
    assert!(refused(config).ends_with("hook: `no name` is no name of a header"));
}

/// A certificate authority, and a receiver behind TLS whose certificate it has signed.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // Two authorities of one name would be taken for one, and their signatures for forged.
        let name = format!("{:?}", key.public_key_raw());
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// A port where TLS for `name` is spoken, and taken off on the way to `upstream`.
    async fn serve(&self, name: &str, upstream: &Upstream) -> u16 {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        self.serve_with(params, false, upstream).await
    }

    /// The same with any certificate, to anybody or only to whom this authority knows.
    async fn serve_with(
        &self,
        params: CertificateParams,
        knows_clients: bool,
        upstream: &Upstream,
    ) -> u16 {
        install_crypto_provider();
        let (certificate, key) = self.sign(&params);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let config = if knows_clients {
            let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
            ServerConfig::builder().with_client_cert_verifier(clients)
        } else {
            ServerConfig::builder().with_no_client_auth()
        };
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, inner) = (listener.local_addr().unwrap().port(), upstream.address());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut outer = match acceptor.accept(stream).into_fallible().await {
                    Ok(outer) => outer,
                    Err((_, mut refused)) => {
                        // A reset, for what is not read, could overtake the alert.
                        tokio::spawn(async move { copy(&mut refused, &mut sink()).await.ok() });
                        continue;
                    }
                };
                let mut inner = TcpStream::connect(inner).await.unwrap();
                tokio::spawn(async move { copy_bidirectional(&mut outer, &mut inner).await.ok() });
            }
        });
        port
    }

    fn sign(&self, params: &CertificateParams) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    /// A hook to that port that trusts this authority alone.
    fn hook(&self, port: u16) -> (WebhookConfig, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, self.0.pem()).unwrap();
        let mut config = WebhookConfig::new(format!("https://localhost:{port}/in"));
        config.tls.ca_file = Some(file.path().to_owned());
        (config, file)
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named() {
    let (upstream, authority) = (Upstream::start().await, Authority::new());
    let port = authority.serve("localhost", &upstream).await;
    let (config, _file) = authority.hook(port);
    deliver(config).await.unwrap();
    assert_eq!(upstream.accepted().len(), 1);
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_suspends_and_sends_nothing() {
    let (upstream, authority) = (Upstream::start().await, Authority::new());
    let port = authority.serve("localhost", &upstream).await;
    let elsewhere = authority.serve("elsewhere.example", &upstream).await;
    let (unknown_authority, _file) = Authority::new().hook(port);
    let (other_name, _file_2) = authority.hook(elsewhere);
    for config in [unknown_authority, other_name] {
        let error = deliver(config).await.unwrap_err();
        assert_eq!(meaning(&error), (ErrorKind::Config, Action::Suspend, false), "{error:?}");
        assert_eq!(error.message(), "the receiver's certificate is not accepted");
    }
    assert!(upstream.exchanges().is_empty());
}

#[tokio::test]
async fn a_certificate_is_not_looked_at_if_the_user_says_so() {
    let (upstream, authority) = (Upstream::start().await, Authority::new());
    let port = authority.serve("elsewhere.example", &upstream).await;
    let mut config = WebhookConfig::new(format!("https://localhost:{port}/in"));
    let mut tls = TlsConfig::default();
    tls.insecure_skip_verify = true;
    config.tls = tls;
    deliver(config).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_has_expired_suspends_and_says_so() {
    let (upstream, authority) = (Upstream::start().await, Authority::new());
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let port = authority.serve_with(params, false, &upstream).await;
    let (config, _file) = authority.hook(port);
    let error = deliver(config).await.unwrap_err();
    assert_eq!(meaning(&error), (ErrorKind::Config, Action::Suspend, false), "{error:?}");
    assert_eq!(error.message(), "the receiver's certificate is not accepted");
    let cause = error.root_cause().unwrap();
    assert!(cause.contains("expired"), "{cause}");
    assert!(upstream.exchanges().is_empty());
}

#[tokio::test]
async fn a_receiver_that_knows_its_clients_is_shown_who_we_are() {
    let (upstream, authority) = (Upstream::start().await, Authority::new());
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let port = authority.serve_with(params, true, &upstream).await;
    let folder = tempfile::tempdir().unwrap();
    let shown = |signed: &Authority, name: &str| {
        let params = CertificateParams::new(["client".to_owned()]).unwrap();
        let (certificate, key) = signed.sign(&params);
        let (cert_file, key_file) =
            (folder.path().join(name), folder.path().join(format!("{name}.key")));
        std::fs::write(&cert_file, certificate.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        (Some(cert_file), Some(key_file))
    };
    let (mut known, _file) = authority.hook(port);
    (known.tls.cert_file, known.tls.key_file) = shown(&authority, "known");
    deliver(known).await.unwrap();
    assert_eq!(upstream.accepted().len(), 1);

    let (nobody, _file) = authority.hook(port);
    let (mut stranger, _file_2) = authority.hook(port);
    (stranger.tls.cert_file, stranger.tls.key_file) = shown(&Authority::new(), "stranger");
    for config in [nobody, stranger] {
        let error = deliver(config).await.unwrap_err();
        assert_eq!(meaning(&error), (ErrorKind::Auth, Action::Suspend, false), "{error:?}");
        assert_eq!(error.message(), "the receiver does not accept our certificate");
    }
    assert_eq!(upstream.exchanges().len(), 1);
}
