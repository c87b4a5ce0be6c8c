//! Several heaps, or moments of one, beside each other.

use super::overview::{self, Style};
use super::scene::Scene;
use crate::snapshot::Snapshot;

/// The most columns.
const COLUMNS: usize = 3;

/// The scene of snapshots, by rows. A cell is as many bytes in each of them.
pub fn scene(snapshots: &[Snapshot]) -> Scene {
    let unit = snapshots.iter().map(|snapshot| overview::unit(snapshot, Style::PART)).max();
    let style = Style { unit, ..Style::PART };
    let mut sheet = Scene::default();
    let columns = snapshots.len().clamp(1, COLUMNS);
    let mut top = 0.0;
    for row in snapshots.chunks(columns) {
        let scenes: Vec<_> = row.iter().map(|snapshot| overview::scene(snapshot, &snapshot.usage(), style)).collect();
        let height = scenes.iter().map(|scene| scene.height).fold(0.0, f32::max);
        for (column, scene) in scenes.into_iter().enumerate() {
            sheet.place(scene, column as f32 * style.width, top);
        }
        top += height;
    }
    sheet
}
