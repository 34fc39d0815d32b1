//! How a stack differs from the template as it is deployed, and whether stories share it.

/// What is different from the template as it is deployed.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(super) parameters: Vec<(&'static str, String)>,
    pub(super) elsewhere: Option<Elsewhere>,
    pub(crate) is_shared: bool,
}

/// A TikTok that is not the stack's own sandbox.
#[derive(Clone)]
pub struct Elsewhere {
    /// Its API: up to and with the version.
    pub api_base_url: String,
    /// The id of the app there.
    pub app_id: String,
    /// The secret of that app.
    pub app_secret: String,
}

/// Without the secret.
impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elsewhere").field("api_base_url", &self.api_base_url).finish_non_exhaustive()
    }
}

impl Options {
    /// A stack of the story's own, with the template's defaults: for whoever breaks what everybody uses, or counts all of it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A stack that other stories with the same parameters use at the same time. Customers are isolated from one another, so a
    /// story keeps to its own: faults, letters and log lines by advertiser, no limit and no fault for all of TikTok, nothing
    /// killed or held. Neither TikTok nor the uploader limits the calls, so that stories do not wait for one another.
    #[must_use]
    pub fn shared() -> Self {
        let unlimited = ["TikTokCallsPerSecond", "TikTokAdvertiserCallsPerSecond"].map(|name| (name, "200".to_owned()));
        Self { parameters: unlimited.to_vec(), elsewhere: None, is_shared: true }
    }

    /// Without a sandbox: the functions call another server that speaks the same API.
    #[must_use]
    pub fn tiktok_at(mut self, elsewhere: Elsewhere) -> Self {
        self.elsewhere = Some(elsewhere);
        self
    }

    /// With this template parameter.
    #[must_use]
    pub fn with(mut self, parameter: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((parameter, value.into()));
        self
    }

    /// What tells shared stacks apart: the parameters, in the order of their names.
    pub(super) fn key(&self) -> String {
        let mut parameters: Vec<_> = self.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        parameters.sort_unstable();
        parameters.join(" ")
    }
}
