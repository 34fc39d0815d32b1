//! `stack.json`: where the parts of a stack are, and its throw-away credentials.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// What `stack.py` says of a stack that is ready.
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "each is documented by its name, and in infra/README.md")]
pub struct Description {
    pub aws_endpoint: String,
    pub aws_access_key_id: String,
    pub region: String,
    pub stack_name: String,
    pub api_url: String,
    pub ingest_function: String,
    pub uploader_function: String,
    pub queue_url: String,
    pub dead_letter_queue_url: String,
    pub authorize_url: String,
    pub tiktok_api_base_url: String,
    pub tiktok_app_id: String,
    pub tiktok_app_secret: String,
    pub firehose_token: String,
    pub app_secret_id: String,
    pub firehose_secret_id: String,
    pub advertiser_secret_prefix: String,
}

/// Without the secrets.
impl std::fmt::Debug for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Description").field("api_url", &self.api_url).finish_non_exhaustive()
    }
}

impl Description {
    /// The root of the server that stands for TikTok: the stack's own sandbox, or whatever it was given.
    pub(super) fn tiktok_url(&self) -> Result<&str> {
        let api = self.tiktok_api_base_url.strip_suffix(sandbox::API_BASE_PATH);
        api.with_context(|| format!("{} is no sandbox", self.tiktok_api_base_url))
    }

    /// The id of an advertiser's record in Secrets Manager.
    #[must_use]
    pub fn record_of(&self, advertiser_id: &str) -> String {
        format!("{}{advertiser_id}", self.advertiser_secret_prefix)
    }

    /// Reads it from a stack's directory; `None` while the stack is not ready.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join("stack.json");
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).with_context(|| path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }
}
