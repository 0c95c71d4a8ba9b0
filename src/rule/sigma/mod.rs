//! Sigma rules: loaded from files, compiled, and evaluated over connections. The only folder that names the `rsigma` crates.
//!
//! In come files, then events; out go the rules that match. This room does not know the built-in rules.
//!
//! - [`load`]: rules from files and folders, and why some are refused ([`remark`]). [`wanted`]: which are asked for.
//! - [`file`](mod@file): a file of rules as text.
//! - [`scope`]: which rules are about connections. [`narrowing`]: what a filter makes of a rule.
//! - [`known`]: the names by which a rule can ask. [`literals`]: what a connection must contain for a rule to match it.
//! - [`engine`]: rules evaluated. [`view`]: a connection as a rule sees it. [`fields`]: what the loaded rules look at.
//! - [`memo`]: verdicts on what was met before. [`flags`]: rules that are not worth finding.
//! - [`correlation`]: rules about several connections.

pub mod correlation;
pub mod engine;
pub mod fields;
pub mod file;
pub mod flags;
pub mod known;
pub mod literals;
pub mod load;
pub mod memo;
pub mod narrowing;
pub mod remark;
pub mod scope;
pub mod view;
pub mod wanted;
