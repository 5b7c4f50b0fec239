//! How a [`Client`] is made.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Client, Inner, Retries, Signer, Skew};
use crate::clock::{Clock, SystemClock};
use crate::compress::Compression;
use crate::credentials::Provider;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::sign::v4;

/// The service closes a connection that was idle for 60 s, and a request that meets this is lost.
const IDLE: Duration = Duration::from_secs(50);

/// Which signature is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signature {
    /// `LOG`, HMAC-SHA1: needs no region.
    V1,
    /// `SLS4-HMAC-SHA256`: needs the region.
    V4,
}

/// The settings of a [`Client`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    endpoint: String,
    region: Option<String>,
    signature: Option<Signature>,
    provider: Option<Arc<dyn Provider>>,
    clock: Arc<dyn Clock>,
    retries: Retries,
    compression: Compression,
    timeout: Duration,
    connect_timeout: Duration,
    authorities: Option<Vec<u8>>,
    proxy: Proxy,
    user_agent: String,
}

enum Proxy {
    Environment,
    None,
    Url(String),
}

impl std::fmt::Debug for Proxy {
    /// A proxy's URL may hold its password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::None => "None",
            Self::Url(_) => "Url(***)",
        })
    }
}

impl Builder {
    pub(super) fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            region: None,
            signature: None,
            provider: None,
            clock: Arc::new(SystemClock),
            retries: Retries::default(),
            compression: Compression::default(),
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            authorities: None,
            proxy: Proxy::Environment,
            user_agent: concat!("eventcenter-sls/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// Where credentials come from: one [`Credential`](crate::Credential), or another [`Provider`].
    pub fn credentials(self, provider: impl Provider + 'static) -> Self {
        self.provider(Arc::new(provider))
    }

    /// The same, for a provider that is shared.
    pub fn provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// The region, where the endpoint's name does not tell it.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Which signature is used. By default v4 when the region is known, and v1 otherwise.
    pub fn signature(mut self, signature: Signature) -> Self {
        self.signature = Some(signature);
        self
    }

    /// The time from connecting to the last byte of an answer. 60 s by default: SQL may take 55.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The time for connecting alone. 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How failures are repeated.
    pub fn retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// What logs are compressed with.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// PEM certificates of the authorities to trust, instead of the operating system's.
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities = Some(pem.into());
        self
    }

    /// The proxy to go through. By default the environment says (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Proxy::Url(url.into());
        self
    }

    /// No proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Proxy::None;
        self
    }

    /// The header `User-Agent`.
    pub fn user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = text.into();
        self
    }

    /// The clock that requests are dated by, before what is known of the service's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The client. Nothing is asked yet. If the process has no default cryptography for TLS, ring becomes it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] names the setting that cannot be used.
    pub fn build(self) -> Result<Client> {
        let endpoint = Endpoint::parse(&self.endpoint)?;
        let provider = self.provider.ok_or_else(|| unusable("there are no credentials"))?;
        let region = self.region.or_else(|| endpoint.region().map(str::to_owned));
        // It is signed, and stands in a header.
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if let Some(region) = &region
            && (region.is_empty() || !region.bytes().all(good))
        {
            let said = format!("the region is a name such as cn-hangzhou, not {region}");
            return Err(Error::new(ErrorKind::Usage, said));
        }
        let v4 = self.signature.map_or(region.is_some(), |signature| signature == Signature::V4);
        let signer = match region {
            Some(region) if v4 => Signer::V4(Mutex::new(v4::Signer::new(region))),
            None if v4 => {
                return Err(unusable(
                    "signature v4 needs the region, which the endpoint does not tell",
                ));
            }
            Some(region) if region.contains("-acdr-ut-") => {
                return Err(unusable("this region takes signature v4 only"));
            }
            _ => Signer::V1,
        };
        install_crypto_provider();
        let mut http = reqwest::Client::builder()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(self.user_agent)
            .timeout(self.timeout)
            .connect_timeout(self.connect_timeout.min(self.timeout))
            .pool_idle_timeout(IDLE);
        if let Some(pem) = self.authorities {
            let authorities = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| unusable("these are no certificates").with_source(error))?;
            if authorities.is_empty() {
                return Err(unusable("these are no certificates"));
            }
            http = http.tls_certs_only(authorities);
        }
        http = match self.proxy {
            Proxy::Environment => http,
            Proxy::None => http.no_proxy(),
            // The error would show the URL, with its password.
            Proxy::Url(url) => http.proxy(
                reqwest::Proxy::all(url).map_err(|_| unusable("this is no URL of a proxy"))?,
            ),
        };
        let http = http
            .build()
            .map_err(|error| unusable("cannot set up HTTP").with_source(error.without_url()))?;
        Ok(Client(Arc::new(Inner {
            http,
            endpoint,
            signer,
            provider,
            clock: self.clock,
            skew: Skew::default(),
            retries: self.retries,
            compression: self.compression,
        })))
    }
}

fn unusable(what: &'static str) -> Error {
    Error::new(ErrorKind::Usage, what)
}

pub(crate) fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else was faster: just as well.
        rustls::crypto::ring::default_provider().install_default().ok();
    }
}
