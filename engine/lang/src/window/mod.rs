//! Windows: when they close, and what they hold until then.

mod code;
mod decide;
mod emit;
mod group;
mod panes;
mod run;
mod saved;
mod slide;
mod state;

pub(crate) use code::{
    AggregateCode, Axis, Scripted, Slide, WindowCode, WindowRule, WindowedSelect,
};
pub(crate) use run::{Surroundings, Taken, event, no_room, tick};
pub(crate) use state::Windows;
