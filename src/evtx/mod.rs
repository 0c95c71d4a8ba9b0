//! The EVTX format: from the bytes of a log to events.
//!
//! In come bytes; out go events, and what is wrong with the bytes. This room does not know where the bytes are from, nor what an event
//! means.
//!
//! - [`chunk`]: file header and chunks. [`displaced`]: chunks that are out of place. `form`: the templates that the records of a chunk are of.
//! - [`record`]: where records are. [`instance`]: their shape. [`misfit`]: sizes of their values that cannot be. `impossible`: times
//!   that cannot be. `pieces`: texts that are not in one piece. [`kind`]: the types of values. [`definition`]: where the
//!   definitions of their templates have the time and the EventID. `tokens`: what these are made of.
//! - [`candidates`]: which of them can be a connection, by their bytes. [`window`]: a time window.
//! - [`event`](mod@event): a record, decoded. [`decoder`]: how, by the parser; the only file that names the `evtx` crate. `json`: what the parser
//!   renders. [`typed`]: records as Windows writes them, without the
//!   parser, by the [`shape`]s of their templates, of which those that were met are kept (`shapes`); `places`: where
//!   their values are; `shown`: these as text. [`tree`]: what a template's definition says.
//! - [`exported`]: events that another program has written as XML or JSON.
//! - [`ids`]: the ids of a log's records, and what is missing between them.

pub mod candidates;
pub mod chunk;
pub mod decoder;
pub mod definition;
pub mod displaced;
pub mod event;
pub mod exported;
pub mod form;
pub mod ids;
mod impossible;
pub mod instance;
mod json;
pub mod kind;
pub mod misfit;
mod pieces;
mod places;
pub mod record;
pub mod shape;
mod shapes;
pub(crate) mod shown;
pub(crate) mod tokens;
pub mod tree;
pub mod typed;
pub mod window;
