//! A service that hands out keys: `ALIBABA_CLOUD_CREDENTIALS_URI`, which answers as the metadata service does.

use std::time::Duration;

use async_trait::async_trait;

use super::source::{Temporary, ask, failed, json, nearby};
use super::{Credential, Source, Surroundings};
use crate::error::Result;

const VARIABLE: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";

/// What a URI answers.
#[derive(Debug)]
pub struct CredentialsUri(Surroundings);

impl CredentialsUri {
    /// The URI that the variable names.
    pub fn new(surroundings: &Surroundings) -> Self {
        Self(surroundings.clone())
    }
}

#[async_trait]
impl Source for CredentialsUri {
    async fn fetch(&self) -> Result<Option<Credential>> {
        // It may hold a password, and is not repeated.
        let Some(uri) = self.0.variable(VARIABLE) else { return Ok(None) };
        let (status, text) = ask(VARIABLE, nearby()?.get(uri.reveal())).await?;
        if status != 200 {
            return Err(failed(format!("{VARIABLE} answers {status}")));
        }
        json::<Temporary>("the answer of the credentials URI", &text)?
            .credential(VARIABLE)
            .map(Some)
    }

    fn max_age(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::served::Served;
    use super::*;

    #[tokio::test]
    async fn what_the_uri_answers_is_a_key_and_the_uri_is_not_repeated() {
        let served = Served::start(|request: &str| match request.contains("good") {
            true => (
                200,
                r#"{"Code":"Success","AccessKeyId":"an-id","AccessKeySecret":"s3cr3t",
                    "SecurityToken":"t0k3n","Expiration":"2023-11-14T23:13:20Z"}"#
                    .to_owned(),
            ),
            false => (200, r#"{"Code":"Failed","AccessKeySecret":"s3cr3t"}"#.to_owned()),
        })
        .await;
        let source = |path: &str| {
            let uri = format!("{}/{path}?password=p4ss", served.url());
            CredentialsUri::new(&Surroundings::new().variables([(VARIABLE, uri)]))
        };
        let found = source("good").fetch().await.unwrap().unwrap();
        assert_eq!((found.id(), found.secret().reveal()), ("an-id", "s3cr3t"));
        let error = source("bad").fetch().await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("p4ss") && !shown.contains("s3cr3t"), "{shown}");
        let gone = format!("{}/?password=p4ss", Served::nobody().await);
        let source = CredentialsUri::new(&Surroundings::new().variables([(VARIABLE, gone)]));
        let error = source.fetch().await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("p4ss"), "{error:?}");
        let none = Surroundings::new().variables([] as [(&str, &str); 0]);
        assert_eq!(CredentialsUri::new(&none).fetch().await.unwrap(), None);
    }
}
