//! A kubeconfig that somebody hands in while a program runs, and who need not be the one who owns the machine.
//!
//! So it may name no file and no program of the machine: certificates, keys and tokens stand in it, or it is refused, in
//! words that say what to do. Of what it has, only the chosen context is kept, and of that only what leads to the API
//! server: other clusters' credentials, extensions and unknown keys are dropped.
//!
//! What is said of it never quotes it, but for the names of contexts.

use eventcenter_core::{Error, ErrorKind, Result, Secret};
use kube::config::{
    AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};

use crate::client::unusable;

/// A kubeconfig that somebody pasted, of which one context is kept; it needs no file and no program beside it.
#[derive(Clone)]
pub struct PastedKubeconfig {
    pub(crate) kubeconfig: Kubeconfig,
}

impl PastedKubeconfig {
    /// Reads one, for this context, or for its current one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] when it cannot be parsed, has no such context, or needs files or programs.
    ///
    /// ```
    /// use eventcenter_kube::PastedKubeconfig;
    ///
    /// let text = r#"{
    ///     "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443"}}],
    ///     "users": [{"name": "u", "user": {"tokenFile": "/etc/shadow"}}],
    ///     "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}]
    /// }"#;
    /// let refused = PastedKubeconfig::parse(text, Some("prod")).unwrap_err();
    /// assert!(refused.to_string().contains("tokenFile"));
    /// ```
    pub fn parse(text: &str, context: Option<&str>) -> Result<Self> {
        let all = Kubeconfig::from_yaml(text).map_err(|error| {
            let at = unusable("what was pasted".as_ref(), &error);
            let place: Vec<_> =
                at.context().iter().filter(|(key, _)| *key != "kubeconfig").collect();
            let place: Vec<_> = place.iter().map(|(key, value)| format!("{key} {value}")).collect();
            let at =
                if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
            refused(format!("the kubeconfig cannot be parsed{at}"))
        })?;
        let known: Vec<_> = all.contexts.iter().map(|context| context.name.as_str()).collect();
        let Some(name) = context.map(str::to_owned).or(all.current_context) else {
            return Err(refused(format!("which context? It has [{}]", known.join(", "))));
        };
        let found = all.contexts.iter().find(|known| known.name == name);
        let Some(context) = found.and_then(|found| found.context.as_ref()) else {
            let known = known.join(", ");
            return Err(refused(format!("it has no context {name:?}; it has [{known}]")));
        };
        let cluster = all.clusters.iter().find(|known| known.name == context.cluster);
        let Some(cluster) = cluster.and_then(|known| known.cluster.as_ref()) else {
            return Err(refused(format!("it does not have the cluster of the context {name:?}")));
        };
        let user = context.user.as_deref().unwrap_or_default();
        let user_info = all.auth_infos.iter().find(|known| known.name == user);
        let user_info = user_info.and_then(|known| known.auth_info.clone());
        let Some(user_info) = user_info.or_else(|| user.is_empty().then(AuthInfo::default)) else {
            return Err(refused(format!("it does not have the user of the context {name:?}")));
        };
        let kept = Kubeconfig {
            clusters: vec![NamedCluster {
                name: "cluster".to_owned(),
                cluster: Some(cluster_alone(cluster)?),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: "user".to_owned(),
                auth_info: Some(user_alone(user_info)?),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: name.clone(),
                context: Some(Context {
                    cluster: "cluster".to_owned(),
                    user: Some("user".to_owned()),
                    ..Context::default()
                }),
                ..NamedContext::default()
            }],
            current_context: Some(name),
            kind: Some("Config".to_owned()),
            api_version: Some("v1".to_owned()),
            ..Kubeconfig::default()
        };
        Ok(Self { kubeconfig: kept })
    }

    /// What is kept of it, as a kubeconfig in JSON, which YAML is too. Credentials are in it.
    ///
    /// # Errors
    ///
    /// None that a user can cause; the signature is that of writing JSON.
    pub fn to_text(&self) -> Result<Secret> {
        let text = serde_json::to_string(&self.kubeconfig);
        let text = text.map_err(|_| refused("it cannot be written down".to_owned()))?;
        Ok(Secret::from(text))
    }
}

impl std::fmt::Debug for PastedKubeconfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PastedKubeconfig({:?})", self.kubeconfig.current_context)
    }
}

fn cluster_alone(cluster: &Cluster) -> Result<Cluster> {
    if cluster.certificate_authority.is_some() {
        return Err(names("the file `certificate-authority`", "certificate-authority-data"));
    }
    Ok(Cluster {
        server: cluster.server.clone(),
        insecure_skip_tls_verify: cluster.insecure_skip_tls_verify,
        certificate_authority_data: cluster.certificate_authority_data.clone(),
        proxy_url: cluster.proxy_url.clone(),
        tls_server_name: cluster.tls_server_name.clone(),
        ..Cluster::default()
    })
}

fn user_alone(user: AuthInfo) -> Result<AuthInfo> {
    for (is_there, what, instead) in [
        (user.exec.is_some(), "a program to run (`exec`)", "token"),
        (user.auth_provider.is_some(), "a plug-in (`auth-provider`)", "token"),
        (user.token_file.is_some(), "the file `tokenFile`", "token"),
        (
            user.client_certificate.is_some(),
            "the file `client-certificate`",
            "client-certificate-data",
        ),
        (user.client_key.is_some(), "the file `client-key`", "client-key-data"),
    ] {
        if is_there {
            return Err(names(what, instead));
        }
    }
    Ok(AuthInfo {
        username: user.username,
        password: user.password,
        token: user.token,
        client_certificate_data: user.client_certificate_data,
        client_key_data: user.client_key_data,
        impersonate: user.impersonate,
        impersonate_groups: user.impersonate_groups,
        ..AuthInfo::default()
    })
}

/// It needs what is on somebody's machine.
fn names(what: &str, instead: &str) -> Error {
    refused(format!(
        "the kubeconfig names {what}, which is not here: put in `{instead}` itself; \
         `kubectl config view --minify --flatten` does so for certificates"
    ))
}

fn refused(message: String) -> Error {
    Error::new("cluster", ErrorKind::Refused, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: c, cluster: {server: "https://127.0.0.1:1", certificate-authority-data: Q0E=}}
- {name: d, cluster: {server: "https://127.0.0.1:2", certificate-authority: /ca}}
users:
- {name: u, user: {token: SECRET-U}}
- {name: v, user: {token: SECRET-V}}
contexts:
- {name: one, context: {cluster: c, user: u}}
- {name: two, context: {cluster: d, user: v}}
- {name: three, context: {cluster: c, user: w}}
"#;

    #[test]
    fn one_context_is_kept_with_its_credential_and_nothing_beside_it() {
        let pasted = PastedKubeconfig::parse(KUBECONFIG, None).unwrap();
        let text = pasted.to_text().unwrap().reveal().unwrap();
        assert!(text.contains("SECRET-U") && text.contains("Q0E="), "{text}");
        for other in ["SECRET-V", "127.0.0.1:2", "two"] {
            assert!(!text.contains(other), "{other} in {text}");
        }
        assert!(!format!("{pasted:?}").contains("SECRET"));
        // What is kept is as good as what was pasted.
        let again = PastedKubeconfig::parse(&text, None).unwrap();
        assert_eq!(again.to_text().unwrap().reveal().unwrap(), text);
    }

    #[test]
    fn a_kubeconfig_that_needs_the_machine_of_its_owner_is_refused_in_words() {
        let with = |user: &str| KUBECONFIG.replace("{token: SECRET-U}", user);
        for (text, context, says) in [
            (with("{exec: {command: id, apiVersion: x}}"), None, "`exec`"),
            (with("{auth-provider: {name: gcp, config: {}}}"), None, "`auth-provider`"),
            (with("{tokenFile: /etc/shadow}"), None, "`tokenFile`"),
            (with("{token: SECRET-U, tokenFile: /etc/shadow}"), None, "`tokenFile`"),
            (with("{client-certificate: /etc/shadow}"), None, "`client-certificate-data`"),
            (with("{client-key: /etc/shadow}"), None, "`client-key-data`"),
            (with("{token: [SECRET-U]}"), None, "cannot be parsed (line"),
            (KUBECONFIG.to_owned(), Some("two"), "`certificate-authority-data`"),
            (KUBECONFIG.to_owned(), Some("three"), "does not have the user"),
            (KUBECONFIG.to_owned(), Some("four"), "it has [one, two, three]"),
            (KUBECONFIG.replace("current-context: one", ""), None, "which context?"),
        ] {
            let error = PastedKubeconfig::parse(&text, context).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused);
            let said = format!("{error} {error:?}");
            assert!(said.contains(says) && !said.contains("SECRET"), "{says} in {said}");
        }
    }
}
