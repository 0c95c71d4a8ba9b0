//! What is [`Recorded`] in a manifest, read back to verify it. What has become of it is not known here.

use serde::Deserialize;

use crate::{
    report::manifest::{SCHEMA, VERSION},
    scan::searched::SearchedFile,
    text,
};

/// What is read back of a manifest.
#[derive(Debug, Deserialize)]
pub struct Recorded {
    /// Has to be [`SCHEMA`].
    pub schema: String,
    /// At most [`VERSION`].
    pub version: u32,
    /// The logs.
    pub sources: Vec<SearchedFile>,
    /// The archives. Manifests that were written before there were any here have none.
    #[serde(default)]
    pub archives: Vec<SearchedFile>,
    /// The partial results, if these were merged. Then the logs and archives are on other machines.
    #[serde(default)]
    pub partials: Vec<SearchedFile>,
    /// The lists whose names the report has.
    #[serde(default)]
    pub watchlists: Vec<SearchedFile>,
    /// The databases of networks whose values it has.
    #[serde(default)]
    pub geoip: Vec<SearchedFile>,
}

impl Recorded {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// The text is not a manifest, or is one of a newer version than this tool knows.
    pub fn parse(text: &str) -> Result<Self, String> {
        let recorded: Self = serde_json::from_str(text).map_err(|error| {
            let cause = if text.trim().is_empty() { "it is empty".to_owned() } else { error.to_string() };
            format!("not a manifest: {cause}: give a file that was written with --manifest")
        })?;
        if recorded.schema != SCHEMA {
            let schema = text::quoted(&recorded.schema);
            return Err(format!("not a manifest: its schema is {schema}, not \"{SCHEMA}\""));
        }
        if recorded.version > VERSION {
            return Err(format!(
                "a manifest of version {}: this tool reads versions up to {VERSION}",
                recorded.version
            ));
        }
        Ok(recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_of_other_schemas_and_newer_versions_are_refused_by_name() {
        assert!(Recorded::parse("{}").unwrap_err().starts_with("not a manifest"));
        let text = |schema, version| format!(r#"{{"schema":"{schema}","version":{version},"sources":[]}}"#);
        assert!(Recorded::parse(&text("other", 1)).unwrap_err().contains("\"other\""));
        assert!(Recorded::parse(&text(SCHEMA, 2)).unwrap_err().contains("version 2"));
        assert!(Recorded::parse(&text(SCHEMA, 1)).is_ok());
    }
}
