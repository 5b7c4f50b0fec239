//! `sls double`: the double of the service, for people who test their own programs against it.

use std::io::Write as _;
use std::net::SocketAddr;

use clap::Args;
use eventcenter_sls::testing::Double;
use tokio::signal::unix::{SignalKind, signal};

use super::{Target, Trouble};

/// How the double is to be. Its access key, region, project and logstore are those of the target.
#[derive(Debug, Args)]
pub struct DoubleOptions {
    /// Where it listens, over plain HTTP
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9080")]
    listen: SocketAddr,
    /// How many bytes of logs it keeps; beyond them the oldest go
    #[arg(long, value_name = "BYTES", default_value_t = 512 * 1024 * 1024)]
    keep: u64,
}

/// Plays the service until it is told to stop.
///
/// # Errors
///
/// [`Trouble::Setting`] without an access key, [`Trouble::Io`] when it cannot listen there.
pub async fn double(target: &Target, options: &DoubleOptions) -> Result<(), Trouble> {
    let Some(credential) = target.given()? else {
        let message = "say which key may sign: --access-key ID --access-key-secret-file FILE";
        return Err(Trouble::Setting(message.to_owned()));
    };
    let mut builder =
        Double::builder().listen(options.listen).credential(&credential).room(options.keep);
    if let Some(region) = &target.region {
        builder = builder.region(region);
    }
    let double = builder.try_start().await?;
    if let (Some(project), Some(logstore)) = (&target.project, &target.logstore) {
        double.create(project, logstore);
    }
    // Whoever starts it from a script reads this line, and knows that it listens.
    writeln!(std::io::stdout(), "{}", double.endpoint())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
