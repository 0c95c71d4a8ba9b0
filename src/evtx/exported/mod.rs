//! Exported events: XML and JSON that other programs have written out of logs, read as the events that they were.
//!
//! In comes a stream, out go events with their places, one at a time. At most one event and what was read behind it are held in memory.
//!
//! - [`export`]: a stream of either form. [`text`]: its text, and where in it one is. `xml` and `json`: what each form says.
//!   `entities`: those of XML. `piece`: an event in a text, or what is wrong where one should be.
//! - `shapes` and `ecs`: what programs call the parts of an event in JSON. `times`: which of its times is which.

mod ecs;
mod entities;
pub mod export;
mod json;
pub mod piece;
mod shapes;
pub mod text;
mod times;
mod xml;
