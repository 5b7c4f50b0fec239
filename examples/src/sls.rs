//! The program `sls`, without its command line's frame.

mod double;
mod put;
mod query;

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use eventcenter_core::plain;
use eventcenter_sls::credentials::{self, Surroundings};
use eventcenter_sls::{Client, Credential, ErrorKind, Logstore, Project};

use crate::center::print;

pub use double::{DoubleOptions, double};
pub use put::{PutOptions, put};
pub use query::{QueryOptions, query};

/// Where, and as whom.
#[derive(Debug, Args)]
pub struct Target {
    /// The service: such as `cn-hangzhou.log.aliyuncs.com`. Default: that of the region
    #[arg(long, env = "SLS_ENDPOINT", global = true)]
    endpoint: Option<String>,
    /// The region: such as `cn-hangzhou`
    #[arg(long, env = "ALIBABA_CLOUD_REGION_ID", global = true)]
    region: Option<String>,
    /// The project
    #[arg(long, short, env = "SLS_PROJECT", global = true)]
    project: Option<String>,
    /// The logstore
    #[arg(long, short, env = "SLS_LOGSTORE", global = true)]
    logstore: Option<String>,
    /// An access key's id, with --access-key-secret-file, instead of what this machine has
    #[arg(long, visible_alias = "access-key", requires = "access_key_secret_file", global = true)]
    access_key_id: Option<String>,
    /// The file that has the access key's secret
    #[arg(long, requires = "access_key_id", value_name = "FILE", global = true)]
    access_key_secret_file: Option<PathBuf>,
}

/// Why a command was not obeyed.
#[derive(Debug)]
pub enum Trouble {
    /// A setting is missing, or cannot be used.
    Setting(String),
    /// The service refused, or nobody answered.
    Service(eventcenter_sls::Error),
    /// Standard input or output.
    Io(std::io::Error),
}

impl Trouble {
    /// 1, or 2 for settings.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Setting(_) => 2,
            Self::Service(error) if error.kind() == ErrorKind::Usage => 2,
            Self::Service(_) | Self::Io(_) => 1,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(message) => f.write_str(message),
            // The service may repeat what others wrote.
            Self::Service(error) => f.write_str(&plain(&error.to_string())),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl From<eventcenter_sls::Error> for Trouble {
    fn from(error: eventcenter_sls::Error) -> Self {
        Self::Service(error)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

fn missing(option: &str) -> Trouble {
    Trouble::Setting(format!("say --{option}"))
}

impl Target {
    fn client(&self) -> Result<Client, Trouble> {
        let endpoint = match (&self.endpoint, &self.region) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(region)) => format!("https://{region}.log.aliyuncs.com"),
            (None, None) => return Err(missing("endpoint or --region")),
        };
        let mut builder = Client::builder(endpoint);
        if let Some(region) = &self.region {
            builder = builder.region(region);
        }
        let builder = match self.given()? {
            Some(credential) => builder.credentials(credential),
            None => builder.credentials(credentials::usual(&Surroundings::new())),
        };
        Ok(builder.build()?)
    }

    /// The access key that is given, if one is.
    fn given(&self) -> Result<Option<Credential>, Trouble> {
        let (Some(id), Some(file)) = (&self.access_key_id, &self.access_key_secret_file) else {
            return Ok(None);
        };
        let secret = std::fs::read_to_string(file)
            .map_err(|error| Trouble::Setting(format!("{}: {error}", file.display())))?;
        let secret = secret.trim_end_matches(['\r', '\n']);
        Ok(Some(Credential::new(id.as_str(), secret)))
    }

    fn project(&self) -> Result<Project, Trouble> {
        let name = self.project.as_deref().ok_or_else(|| missing("project"))?;
        Ok(self.client()?.project(name))
    }

    fn logstore(&self) -> Result<Logstore, Trouble> {
        let name = self.logstore.as_deref().ok_or_else(|| missing("logstore"))?;
        Ok(self.project()?.logstore(name))
    }
}

/// Lists the logstores of the project.
///
/// # Errors
///
/// See [`Trouble`].
pub async fn logstores(target: &Target) -> Result<(), Trouble> {
    let stores = target.project()?.logstores();
    let mut lines = vec![["LOGSTORE", "DAYS", "SHARDS", "MODE"].map(str::to_owned).to_vec()];
    for name in stores.all().await? {
        let store = stores.get(&name).await?;
        let shards = store.shard_count.map(|count| count.to_string()).unwrap_or_default();
        let mode = store.mode.unwrap_or_default();
        lines.push(vec![name, store.ttl.to_string(), shards, mode]);
    }
    print::aligned(&mut std::io::stdout().lock(), &lines)?;
    Ok(())
}

/// Says as whom the service is asked, and whether it answers.
///
/// # Errors
///
/// See [`Trouble`].
pub async fn whoami(target: &Target) -> Result<(), Trouble> {
    let client = target.client()?;
    let credential = client.credential().await?;
    // The service tells its time with whatever it answers.
    let asked = match &target.project {
        Some(project) => client.project(project.as_str()).get().await.map(drop),
        None => client.projects().await.map(drop),
    };
    let expires = match credential.expires_at() {
        Some(at) => at.to_string(),
        None => "never".to_owned(),
    };
    let region = client.region();
    let signature = if region.is_some() { "v4" } else { "v1, the region is not known" };
    let delta = client.clock_delta().as_secs();
    let lines = [
        ("credential", format!("{} (from: {})", credential.id(), credential.origin())),
        ("expires", expires),
        ("endpoint", client.endpoint().to_string()),
        ("region", region.unwrap_or_else(|| "-".to_owned())),
        ("signature", signature.to_owned()),
        ("clock", format!("the service is {delta} s ahead")),
        ("answer", asked.as_ref().map_or_else(ToString::to_string, |()| "accepted".to_owned())),
    ];
    let mut out = std::io::stdout().lock();
    for (name, value) in lines {
        writeln!(out, "{name:<12}{}", plain(&value))?;
    }
    asked.map_err(Trouble::from)
}
