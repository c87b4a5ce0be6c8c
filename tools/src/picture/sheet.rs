//! Several heaps, or moments of one, beside each other.

use super::overview::{self, Style};
use super::scene::Scene;
use crate::snapshot::Snapshot;

/// Columns of a sheet of moments.
pub const COLUMNS: usize = 3;

/// The scene of snapshots, by rows of so many at the most. A cell is as many bytes in each of them.
pub fn scene(snapshots: &[Snapshot], columns: usize) -> Scene {
    sheet(snapshots, columns, style(snapshots))
}

/// Scenes one after the other, each of so many snapshots beside each other. A cell is as many bytes in each of them.
pub fn frames(snapshots: &[Snapshot], columns: usize) -> Vec<Scene> {
    let style = style(snapshots);
    snapshots.chunks(columns.max(1)).map(|row| sheet(row, columns, style)).collect()
}

fn style(snapshots: &[Snapshot]) -> Style {
    let unit = snapshots.iter().map(|snapshot| overview::unit(snapshot, Style::PART)).max();
    Style { unit, ..Style::PART }
}

fn sheet(snapshots: &[Snapshot], columns: usize, style: Style) -> Scene {
    let mut sheet = Scene::default();
    let columns = snapshots.len().clamp(1, columns.max(1));
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
