//! A scene as PNG, drawn pixel by pixel, with letters of a fixed size.

use super::scene::{Box, Fill, Item, Scene};
use embedded_graphics::Drawable;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::iso_8859_1::{FONT_7X13, FONT_7X13_BOLD};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::text::Text;
use std::convert::Infallible;

/// No picture has more pixels on a side.
const LONGEST: f32 = 16_000.0;

struct Canvas {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Canvas {
    fn mix(&mut self, x: u32, y: u32, [r, g, b]: [u8; 3], share: f32) {
        if x >= self.width || y >= self.height {
            return;
        }
        let at = (y as usize * self.width as usize + x as usize) * 3;
        for (old, new) in self.rgb[at..at + 3].iter_mut().zip([r, g, b]) {
            let mixed = f32::from(*old) * (1.0 - share) + f32::from(new) * share;
            *old = pixel(mixed);
        }
    }

    /// Pixels at the ends have as much of the colour as they are covered.
    fn fill(&mut self, [x, y, w, h]: Box, colour: [u8; 3], share: f32) {
        let covered = |pixel: u32, from: f32, to: f32| {
            let pixel = pixel as f32;
            (to.min(pixel + 1.0) - from.max(pixel)).clamp(0.0, 1.0)
        };
        let end = |to: f32| to.ceil().clamp(0.0, LONGEST);
        for row in index(y)..index(end(y + h)) {
            for column in index(x)..index(end(x + w)) {
                let part = covered(row, y, y + h) * covered(column, x, x + w);
                self.mix(column, row, colour, share * part);
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 255")]
fn pixel(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a picture")]
fn index(value: f32) -> u32 {
    value.clamp(0.0, LONGEST) as u32
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = embedded_graphics::Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for embedded_graphics::Pixel(Point { x, y }, colour) in pixels {
            if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) {
                self.mix(x, y, [colour.r(), colour.g(), colour.b()], 1.0);
            }
        }
        Ok(())
    }
}

fn rgb(fill: Fill, dark: bool) -> [u8; 3] {
    match (fill, dark) {
        (Fill::Rgb(rgb), _) => rgb,
        (Fill::Ink, false) => [0x1d, 0x21, 0x26],
        (Fill::Ink, true) => [0xe6, 0xe9, 0xed],
        (Fill::Faint, false) => [0x68, 0x70, 0x7a],
        (Fill::Faint, true) => [0x98, 0xa1, 0xab],
        (Fill::Away, false) => [0xdd, 0xe1, 0xe6],
        (Fill::Away, true) => [0x3b, 0x42, 0x4a],
        (Fill::Untouched, false) => [0xf1, 0xf3, 0xf5],
        (Fill::Untouched, true) => [0x23, 0x28, 0x2e],
    }
}

/// The file.
pub fn write(scene: &Scene, dark: bool) -> Result<Vec<u8>, png::EncodingError> {
    let canvas = draw(scene, dark, scene.width, scene.height);
    let mut file = Vec::new();
    let encoder = encoder(&mut file, &canvas);
    encoder.write_header()?.write_image_data(&canvas.rgb)?;
    Ok(file)
}

/// An animation, in the same format: scenes one after the other, so many milliseconds each, for ever.
pub fn write_animation(scenes: &[Scene], dark: bool, milliseconds: u16) -> Result<Vec<u8>, png::EncodingError> {
    let largest = |of: fn(&Scene) -> f32| scenes.iter().map(of).fold(0.0, f32::max);
    let (width, height) = (largest(|scene| scene.width), largest(|scene| scene.height));
    let frames = u32::try_from(scenes.len()).unwrap_or(u32::MAX);
    let mut file = Vec::new();
    let mut encoder = encoder(&mut file, &draw(&Scene::default(), dark, width, height));
    encoder.set_animated(frames, 0)?;
    encoder.set_frame_delay(milliseconds, 1000)?;
    let mut writer = encoder.write_header()?;
    for scene in scenes {
        writer.write_image_data(&draw(scene, dark, width, height).rgb)?;
    }
    writer.finish()?;
    Ok(file)
}

fn encoder<'a>(file: &'a mut Vec<u8>, canvas: &Canvas) -> png::Encoder<'a, &'a mut Vec<u8>> {
    let mut encoder = png::Encoder::new(file, canvas.width, canvas.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Balanced);
    encoder
}

fn draw(scene: &Scene, dark: bool, width: f32, height: f32) -> Canvas {
    let (width, height) = (index(width.ceil()).max(1), index(height.ceil()).max(1));
    let paper = if dark { [0x15, 0x18, 0x1c] } else { [0xff; 3] };
    let mut canvas = Canvas { width, height, rgb: paper.repeat(width as usize * height as usize) };
    for item in &scene.items {
        match item {
            Item::Boxes { fill, eighths, boxes } => {
                boxes.iter().for_each(|&at| canvas.fill(at, rgb(*fill, dark), f32::from(*eighths) / 8.0));
            }
            Item::Named { fill, at, .. } => canvas.fill(*at, rgb(*fill, dark), 1.0),
            Item::Text { x, y, fill, bold, text } => {
                let [r, g, b] = rgb(*fill, dark);
                let font = if *bold { &FONT_7X13_BOLD } else { &FONT_7X13 };
                let style = MonoTextStyle::new(font, Rgb888::new(r, g, b));
                #[expect(clippy::cast_possible_truncation, reason = "a place in a picture")]
                let place = Point::new(x.round() as i32, y.round() as i32);
                let Ok(_) = Text::new(text, place, style).draw(&mut canvas);
            }
        }
    }
    canvas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_animation_has_all_frames_in_one_size() {
        let mut small = Scene { width: 20.0, height: 10.0, items: Vec::new() };
        small.rect(Fill::Ink, [0.0, 0.0, 5.0, 5.0]);
        let large = Scene { width: 10.0, height: 30.0, items: Vec::new() };
        let file = write_animation(&[small, large], false, 500).unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let info = reader.info();
        let control = info.animation_control.unwrap();
        assert_eq!((info.width, info.height, control.num_frames, control.num_plays), (20, 30, 2, 0));
    }
}
