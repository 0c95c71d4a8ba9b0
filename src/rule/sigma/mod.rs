//! Sigma rules: loaded from files, compiled, and evaluated over connections. The only folder that names the `rsigma` crates.
//!
//! In come files, then events; out go the rules that match. This room does not know the built-in rules.
//!
//! - [`load`]: rules from files and folders, and why some are refused ([`remark`]). [`wanted`]: which are asked for.
//! - [`file`](mod@file): a file of rules as text.
//! - [`scope`]: which rules are about connections. [`narrowing`]: what a filter makes of a rule.
//! - `restated`: rules in terms of which the crate makes what the specification says; `values`: their values as it reads them.
//! - [`names`]: the names by which a rule can ask for a field, and their aliases. [`literals`]: what a connection must contain for a rule to match it.
//! - [`engine`]: rules evaluated. [`view`]: a connection as a rule sees it. [`inputs`]: what of a connection the loaded rules look at.
//! - [`beside`]: what rules see of a connection besides its own event. [`asking`]: what of that has to be told; [`certain`]: what becomes of a rule where some of it is not.
//! - [`untold`]: rules that match no connection of a source.
//! - [`memo`]: verdicts on what was met before. [`flags`]: rules that are not worth finding.
//! - [`correlation`]: rules about several connections.

pub mod asking;
pub mod beside;
pub mod certain;
pub mod correlation;
pub mod engine;
pub mod file;
pub mod flags;
pub mod inputs;
pub mod literals;
pub mod load;
pub mod memo;
pub mod names;
pub mod narrowing;
pub mod remark;
mod restated;
pub mod scope;
pub mod untold;
mod values;
pub mod view;
pub mod wanted;
