//! Where the service is.
//!
//! | form | use |
//! |---|---|
//! | `{region}.log.aliyuncs.com` | from anywhere |
//! | `{region}-intranet.log.aliyuncs.com` | inside the region, for nothing |
//! | `{region}-share`, `-vpc`, `-internal` | the same, elsewhere |
//! | `log-global.aliyuncs.com` | accelerated; says nothing of the region |
//! | `{region}.sls.aliyuncs.com` | clouds of their own |
//! | an address, with or without a port | private deployments, and doubles |
//!
//! What belongs to a project is asked of the host `{project}.{endpoint}`. An address has no such names: there the
//! project travels in the header `Host` only. Without a scheme it is https; other clients take http then, and send the
//! logs in the open.

use std::net::Ipv6Addr;

use crate::error::{Error, ErrorKind, Result};
use crate::sign::{Pair, percent_encode};

/// The service's address, checked.
///
/// ```
/// use eventcenter_sls::Endpoint;
///
/// let endpoint = Endpoint::parse("cn-hangzhou-intranet.log.aliyuncs.com")?;
/// assert_eq!(endpoint.region(), Some("cn-hangzhou"));
/// assert_eq!(endpoint.to_string(), "https://cn-hangzhou-intranet.log.aliyuncs.com");
/// # Ok::<(), eventcenter_sls::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: &'static str,
    /// Host and port, as written.
    authority: String,
    is_address: bool,
    region: Option<String>,
}

impl Endpoint {
    /// Reads `[http://|https://]host[:port]`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when it is something else, such as a URL with a path.
    pub fn parse(text: &str) -> Result<Self> {
        let trimmed = text.trim().trim_end_matches('/');
        let (scheme, authority) = match trimmed.split_once("://") {
            None => ("https", trimmed),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => ("http", rest),
            Some(_) => return Err(unusable("an endpoint is https or http")),
        };
        let authority = authority.to_ascii_lowercase();
        let host = host(&authority)?;
        let is_address = host.parse::<std::net::IpAddr>().is_ok()
            || host.starts_with('[')
            || host == "localhost";
        let region = region(host).map(str::to_owned);
        Ok(Self { scheme, authority, is_address, region })
    }

    /// The endpoint of a region that is reached from anywhere.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when that is no name of a region.
    pub fn public(region: &str) -> Result<Self> {
        Self::parse(&format!("https://{region}.log.aliyuncs.com"))
    }

    /// The endpoint of a region that is reached from inside it.
    ///
    /// # Errors
    ///
    /// As for [`public`](Self::public).
    pub fn intranet(region: &str) -> Result<Self> {
        Self::parse(&format!("https://{region}-intranet.log.aliyuncs.com"))
    }

    /// The region that its name tells, which signature v4 needs.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The value of the header `Host`.
    pub fn host(&self, project: Option<&str>) -> String {
        match project {
            Some(project) => format!("{project}.{}", self.authority),
            None => self.authority.clone(),
        }
    }

    /// The URL of a request; `path` is percent-encoded already.
    pub fn url(&self, project: Option<&str>, path: &str, query: &[Pair<'_>]) -> String {
        let host = self.host(project.filter(|_| !self.is_address));
        let mut url = format!("{}://{host}{path}", self.scheme);
        let mut separator = '?';
        for (name, value) in query {
            url.push(separator);
            url += &percent_encode(name);
            url.push('=');
            url += &percent_encode(value);
            separator = '&';
        }
        url
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// The host of an authority, of which everything is checked.
fn host(authority: &str) -> Result<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) =
                rest.split_once(']').ok_or_else(|| unusable("an address lacks its bracket"))?;
            if address.parse::<Ipv6Addr>().is_err() {
                return Err(unusable("this is no address"));
            }
            let port = match port.strip_prefix(':') {
                Some(port) => Some(port),
                None if port.is_empty() => None,
                None => return Err(unusable("an endpoint is a host and a port")),
            };
            ("[", port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
        return Err(unusable("an endpoint's port is a number"));
    }
    let good = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if host == "[" || host.split('.').all(good) {
        Ok(host)
    } else {
        Err(unusable("an endpoint is a host, without a path"))
    }
}

/// The region in a name such as `cn-hangzhou-intranet.log.aliyuncs.com`.
fn region(host: &str) -> Option<&str> {
    let name = host
        .strip_suffix(".log.aliyuncs.com")
        .or_else(|| host.strip_suffix(".sls.aliyuncs.com"))?;
    let networks = ["-intranet", "-share", "-vpc", "-internal"];
    let name = networks.iter().find_map(|network| name.strip_suffix(network)).unwrap_or(name);
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!name.is_empty() && name.bytes().all(good)).then_some(name)
}

fn unusable(what: &'static str) -> Error {
    Error::new(ErrorKind::Usage, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::parse(text).unwrap()
    }

    #[test]
    fn a_region_is_read_where_the_name_tells_it() {
        for (text, region) in [
            ("cn-hangzhou.log.aliyuncs.com", Some("cn-hangzhou")),
            ("http://cn-hangzhou-intranet.log.aliyuncs.com", Some("cn-hangzhou")),
            ("https://ap-southeast-1-share.log.aliyuncs.com:443", Some("ap-southeast-1")),
            ("cn-beijing-vpc.log.aliyuncs.com/", Some("cn-beijing")),
            ("cn-beijing-internal.log.aliyuncs.com", Some("cn-beijing")),
            ("xx-test-acdr-ut-1-intranet.log.aliyuncs.com", Some("xx-test-acdr-ut-1")),
            ("cn-shanghai-corp.sls.aliyuncs.com", Some("cn-shanghai-corp")),
            ("CN-HANGZHOU.log.aliyuncs.com", Some("cn-hangzhou")),
            ("sls.aliyuncs.com", None),
            ("log-global.aliyuncs.com", None),
            ("a.cn-hangzhou.log.aliyuncs.com", None),
            ("cn-hangzhou.log.aliyuncs.com.example.org", None),
            ("127.0.0.1:8080", None),
        ] {
            assert_eq!(endpoint(text).region(), region, "{text}");
        }
    }

    #[test]
    fn a_project_is_a_part_of_the_hosts_name_unless_that_is_an_address() {
        for (text, project, path, url) in [
            (
                "https://cn-hangzhou.log.aliyuncs.com",
                Some("test"),
                "/",
                "https://test.cn-hangzhou.log.aliyuncs.com/",
            ),
            (
                "cn-hangzhou.log.aliyuncs.com",
                Some("test"),
                "/",
                "https://test.cn-hangzhou.log.aliyuncs.com/",
            ),
            (
                "https://cn-hangzhou.log.aliyuncs.com:443",
                Some("test"),
                "/logstores",
                "https://test.cn-hangzhou.log.aliyuncs.com:443/logstores",
            ),
            (
                "http://111.111.111.111:442",
                Some("test"),
                "/test",
                "http://111.111.111.111:442/test",
            ),
            ("http://[::1]:442", Some("test"), "/test", "http://[::1]:442/test"),
            ("http://localhost:442", Some("test"), "/test", "http://localhost:442/test"),
            ("cn-hangzhou.log.aliyuncs.com", None, "/", "https://cn-hangzhou.log.aliyuncs.com/"),
        ] {
            assert_eq!(endpoint(text).url(project, path, &[]), url);
        }
        assert_eq!(endpoint("http://127.0.0.1:1").host(Some("p")), "p.127.0.0.1:1");
    }

    #[test]
    fn a_query_is_encoded() {
        let query = [("a b".into(), "重 &".into()), ("empty".into(), "".into())];
        let url = endpoint("h.example").url(None, "/x", &query);
        assert_eq!(url, "https://h.example/x?a%20b=%E9%87%8D%20%26&empty=");
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in [
            "",
            "ftp://h",
            "https://",
            "h/path",
            "h?q",
            "u:p@h",
            "h:port",
            "h:99999",
            "h:+80",
            "[::1",
            "[x]",
            "[::1]x",
            "a..b",
            "h h",
            "h#f",
            "https://https://h",
        ] {
            assert_eq!(Endpoint::parse(text).unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
    }
}
