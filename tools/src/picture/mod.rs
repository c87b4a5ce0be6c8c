//! Pictures of heaps: `cells` sums up what is on pages, `overview`, `zoom` and `sheet` lay it out as a scene of rectangles
//! and texts, and `svg` and `png` write the scene. Both draw the same scene, so they show the same.

pub mod cells;
pub mod overview;
pub mod png;
pub mod scene;
pub mod sheet;
pub mod svg;
mod when;
pub mod zoom;
