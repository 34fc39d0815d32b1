//! Secrets, their versions and labels, and what AWS answers to each call.

use std::collections::{BTreeMap, BTreeSet};

use aws_double::Answer;
use serde_json::{Value, json};

/// AWS keeps about so many versions of a secret.
const MAX_VERSIONS: usize = 100;
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

#[derive(Debug, Default)]
pub(super) struct Vault {
    secrets: BTreeMap<String, Secret>,
}

#[derive(Debug, Default)]
struct Secret {
    versions: Vec<Version>,
    is_marked: bool,
}

#[derive(Debug)]
struct Version {
    id: String,
    text: String,
    labels: BTreeSet<String>,
}

impl Vault {
    pub(super) fn call(&mut self, action: &str, body: &Value) -> Answer {
        match action {
            "GetSecretValue" => {
                let current = self.usable(body)?.current().ok_or("ResourceNotFoundException")?;
                Ok(json!({"SecretString": current.text, "VersionId": current.id}))
            }
            "CreateSecret" => self.create(body),
            "DeleteSecret" => {
                self.secrets.remove(text(body, "SecretId"));
                Ok(json!({}))
            }
            "ListSecrets" => Ok(self.list(body)),
            "PutSecretValue" => {
                let labels = body["VersionStages"].as_array().map(Vec::as_slice).unwrap_or_default();
                let labels: Vec<_> = labels.iter().map(|label| label.as_str().unwrap_or_default()).collect();
                self.usable(body)?.put(text(body, "ClientRequestToken"), text(body, "SecretString"), &labels)
            }
            "UpdateSecretVersionStage" => self.usable(body)?.move_label(
                text(body, "VersionStage"),
                text(body, "MoveToVersionId"),
                text(body, "RemoveFromVersionId"),
            ),
            _ => Err("UnknownOperationException"),
        }
    }

    pub(super) fn set(&mut self, name: &str, text: &str) {
        let secret = self.secrets.entry(name.to_owned()).or_default();
        let id = format!("set-{}", secret.versions.len());
        secret.versions.push(Version { id: id.clone(), text: text.to_owned(), labels: BTreeSet::new() });
        secret.label(CURRENT, &id);
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        Some(self.secrets.get(name)?.current()?.text.clone())
    }

    pub(super) fn versions(&self, name: &str) -> Vec<String> {
        let versions = self.secrets.get(name).map(|secret| &secret.versions[..]).unwrap_or_default();
        versions.iter().map(|version| version.text.clone()).collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.secrets.keys().cloned().collect()
    }

    pub(super) fn prune(&mut self) {
        for secret in self.secrets.values_mut() {
            secret.versions.retain(|version| !version.labels.is_empty());
        }
    }

    pub(super) fn mark(&mut self, name: &str, is_marked: bool) {
        if let Some(secret) = self.secrets.get_mut(name) {
            secret.is_marked = is_marked;
        }
    }

    fn usable(&mut self, body: &Value) -> Result<&mut Secret, &'static str> {
        let secret = self.secrets.get_mut(text(body, "SecretId")).ok_or("ResourceNotFoundException")?;
        if secret.is_marked { Err("InvalidRequestException") } else { Ok(secret) }
    }

    /// One page: those whose names begin with the filter's value.
    fn list(&self, body: &Value) -> Value {
        let prefix = body["Filters"][0]["Values"][0].as_str().unwrap_or_default();
        let names = self.secrets.keys().filter(|name| name.starts_with(prefix));
        json!({"SecretList": names.map(|name| json!({"Name": name})).collect::<Vec<_>>()})
    }

    fn create(&mut self, body: &Value) -> Answer {
        let name = text(body, "Name");
        match self.secrets.get(name) {
            Some(secret) if secret.is_marked => Err("InvalidRequestException"),
            Some(_) => Err("ResourceExistsException"),
            None => {
                let secret = self.secrets.entry(name.to_owned()).or_default();
                secret.put(text(body, "ClientRequestToken"), text(body, "SecretString"), &[CURRENT])
            }
        }
    }
}

impl Secret {
    fn current(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.labels.contains(CURRENT))
    }

    fn put(&mut self, id: &str, text: &str, labels: &[&str]) -> Answer {
        match self.versions.iter().find(|version| version.id == id) {
            Some(version) if version.text != text => return Err("ResourceExistsException"),
            Some(_) => {}
            None if self.versions.len() >= MAX_VERSIONS => return Err("LimitExceededException"),
            None => {
                self.versions.push(Version { id: id.to_owned(), text: text.to_owned(), labels: BTreeSet::new() });
                let labels = if labels.is_empty() { &[CURRENT][..] } else { labels };
                for label in labels {
                    self.label(label, id);
                }
            }
        }
        Ok(json!({"VersionId": id}))
    }

    fn move_label(&mut self, label: &str, to: &str, from: &str) -> Answer {
        if self.versions.iter().all(|version| version.id != to) {
            return Err("ResourceNotFoundException");
        }
        let holder = self.versions.iter().find(|version| version.labels.contains(label));
        if holder.is_some_and(|holder| holder.id != from) {
            return Err("InvalidParameterException");
        }
        self.label(label, to);
        Ok(json!({}))
    }

    /// A label is on one version at a time. The version that was current becomes the previous one.
    fn label(&mut self, label: &str, id: &str) {
        let was = self.versions.iter().find(|version| version.labels.contains(label)).map(|version| version.id.clone());
        for version in &mut self.versions {
            version.labels.remove(label);
            if version.id == id {
                version.labels.insert(label.to_owned());
            }
        }
        if label == CURRENT
            && let Some(was) = was.filter(|was| was != id)
        {
            self.label(PREVIOUS, &was);
        }
    }
}

fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_default()
}
