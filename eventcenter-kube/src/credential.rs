//! What may be said of a credential that cannot be had.
//!
//! kube's errors about an exec plugin quote its command line, its environment and all that it has printed, and a
//! plugin that fails may have printed a token. So of such an error only what is said here goes on: which step failed,
//! and the exit status. The plugin's own complaint is on the program's stderr, unless its `interactiveMode` is
//! `Never`; who wants to see it then runs the plugin by hand.

use std::error::Error as StdError;

use kube::client::AuthError;

/// One line about the credential, if `error` is about one: its text and its causes must not be shown then.
pub(crate) fn trouble(error: &(dyn StdError + 'static)) -> Option<String> {
    std::iter::successors(Some(error), |&error| error.source())
        .find_map(|error| error.downcast_ref::<AuthError>())
        .map(told)
}

fn told(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => {
            format!("the credential plugin failed: {}", out.status)
        }
        AuthError::AuthExecStart(error) => {
            format!("the credential plugin cannot be started: {error}")
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the credential plugin printed no ExecCredential".to_owned()
        }
        AuthError::MissingCommand => "the credential plugin has no command".to_owned(),
        AuthError::ReadTokenFile(error, path) => {
            format!("the token file {} cannot be read: {error}", path.display())
        }
        AuthError::MalformedTokenExpirationDate(_) => {
            "the time at which the credential expires is none".to_owned()
        }
        _ => "the credential of the kubeconfig cannot be used".to_owned(),
    }
}
