//! On a disk that can be full, under a clock that can be moved, after crashes.

use std::sync::atomic::{AtomicBool, Ordering};

use eventcenter_core::testing::{Reply, Rig, events};
use eventcenter_core::{Action, FixedClock};
use jiff::SignedDuration;
use tempfile::TempDir;

use super::*;

/// A folder on a disk that can be full: half of what is written then still fits.
struct Disk {
    folder: TempDir,
    full: Arc<AtomicBool>,
    clock: FixedClock,
}

impl Disk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            full: Arc::default(),
            clock: FixedClock::new(Timestamp::UNIX_EPOCH),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("logs/events.ndjson")
    }

    fn open(&self, config: FileConfig) -> Result<File> {
        let full = Arc::clone(&self.full);
        let write = move |file: &mut fs::File, bytes: &[u8]| {
            if full.load(Ordering::Relaxed) {
                file.write_all(&bytes[..bytes.len() / 2])?;
                return Err(io::ErrorKind::StorageFull.into());
            }
            file.write_all(bytes)
        };
        File::on("archive".to_owned(), config, Arc::new(self.clock.clone()), write)
    }

    fn config(&self, rotate: RotateConfig) -> FileConfig {
        FileConfig { rotate, ..FileConfig::new(self.path()) }
    }

    /// What each file holds: ids, newest file first.
    fn ids(&self) -> Vec<Vec<String>> {
        let files = std::iter::once(self.path()).chain((1..).map(|n| numbered(&self.path(), n)));
        files.map_while(|file| fs::read_to_string(file).ok()).map(|text| ids(&text)).collect()
    }
}

fn ids(text: &str) -> Vec<String> {
    let id = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["id"].as_str().unwrap().to_owned()
    };
    text.lines().map(id).collect()
}

#[async_trait]
impl Rig for Disk {
    async fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.open(FileConfig::new(self.path())).unwrap())
    }

    fn can(&self, reply: &Reply) -> bool {
        matches!(reply, Reply::Accept | Reply::Fail)
    }

    fn answer(&self, reply: Reply) {
        self.full.store(reply == Reply::Fail, Ordering::Relaxed);
    }

    fn accepted(&self) -> Vec<String> {
        self.ids().concat()
    }

    fn secret(&self) -> Option<&str> {
        None
    }
}

eventcenter_core::sink_conformance!(on_a_disk_that_can_be_full, Disk::new());

#[tokio::test]
async fn a_batch_that_does_not_fit_is_cut_off_whole() {
    let disk = Disk::new();
    let sink = disk.sink().await;
    sink.deliver(&events::ordinary().into()).await.unwrap();
    disk.answer(Reply::Fail);
    let error = sink.deliver(&Batch::new(events::many(3)).unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.action()), (ErrorKind::Storage, Action::Retry));
    let text = fs::read_to_string(disk.path()).unwrap();
    assert!(text.ends_with('\n'));
    assert_eq!(ids(&text), [events::ordinary().occurrence_key()]);
}

#[tokio::test]
async fn a_torn_line_of_a_crash_is_cut_off() {
    for (left, whole) in [("{}\n{\"id\":", "{}\n"), ("{\"id\":", ""), ("{}\n", "{}\n")] {
        let disk = Disk::new();
        fs::create_dir_all(disk.path().parent().unwrap()).unwrap();
        fs::write(disk.path(), left).unwrap();
        let sink = disk.sink().await;
        sink.deliver(&events::ordinary().into()).await.unwrap();
        let text = fs::read_to_string(disk.path()).unwrap();
        assert_eq!(ids(text.strip_prefix(whole).unwrap()).len(), 1);
    }
}

#[tokio::test]
async fn a_torn_line_may_be_longer_than_a_read() {
    let disk = Disk::new();
    fs::create_dir_all(disk.path().parent().unwrap()).unwrap();
    fs::write(disk.path(), format!("{{}}\n{}", "x".repeat(200_000))).unwrap();
    disk.sink().await;
    assert_eq!(fs::read_to_string(disk.path()).unwrap(), "{}\n");
}

#[tokio::test]
async fn a_file_without_lines_is_left_alone() {
    let disk = Disk::new();
    fs::create_dir_all(disk.path().parent().unwrap()).unwrap();
    fs::File::create(disk.path()).unwrap().set_len(LONGEST_TAIL + 1).unwrap();
    let error = disk.open(FileConfig::new(disk.path())).unwrap_err();
    assert_eq!(error.action(), Action::Suspend);
    assert_eq!(fs::metadata(disk.path()).unwrap().len(), LONGEST_TAIL + 1);
}

#[tokio::test]
async fn files_rotate_by_size_and_the_oldest_goes() {
    let disk = Disk::new();
    let rotate = RotateConfig { size: ByteSize::new(1), keep: 2, ..RotateConfig::default() };
    let sink = disk.open(disk.config(rotate)).unwrap();
    let events = events::many(4);
    for event in &events {
        sink.deliver(&Arc::clone(event).into()).await.unwrap();
    }
    let keys: Vec<_> = events.iter().map(|event| event.occurrence_key()).collect();
    assert_eq!(disk.ids(), [[keys[3].clone()], [keys[2].clone()], [keys[1].clone()]]);
}

#[tokio::test]
async fn nothing_old_is_kept_if_nothing_shall_be() {
    let disk = Disk::new();
    let sink = disk
        .open(disk.config(RotateConfig { size: ByteSize::new(1), keep: 0, age: None }))
        .unwrap();
    for event in events::many(3) {
        sink.deliver(&event.into()).await.unwrap();
    }
    assert_eq!(disk.ids(), [[events::many(3)[2].occurrence_key()]]);
}

#[tokio::test]
async fn files_rotate_by_age() {
    let disk = Disk::new();
    let age = Some(HumanDuration::from_secs(3600));
    let sink = disk.open(disk.config(RotateConfig { age, ..RotateConfig::default() })).unwrap();
    for (event, minutes) in events::many(3).into_iter().zip([59, 2, 0]) {
        sink.deliver(&event.into()).await.unwrap();
        disk.clock.advance(SignedDuration::from_mins(minutes));
    }
    assert_eq!(disk.ids().iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn an_interrupted_rotation_is_gone_on_with() {
    let disk = Disk::new();
    let rotate = RotateConfig { size: ByteSize::new(1), keep: 3, ..RotateConfig::default() };
    fs::create_dir_all(disk.path().parent().unwrap()).unwrap();
    // The crash came after `.1` had become `.2`, and before the newest had become `.1`.
    fs::write(disk.path(), "{\"id\":\"c\"}\n").unwrap();
    fs::write(numbered(&disk.path(), 2), "{\"id\":\"b\"}\n").unwrap();
    fs::write(numbered(&disk.path(), 3), "{\"id\":\"a\"}\n").unwrap();
    let sink = disk.open(disk.config(rotate)).unwrap();
    sink.deliver(&events::ordinary().into()).await.unwrap();
    assert_eq!(disk.ids()[1..], [["c"], ["b"], ["a"]]);
}

#[tokio::test]
async fn a_second_program_is_kept_out_until_the_first_has_closed() {
    let disk = Disk::new();
    let first = disk.sink().await;
    let error = disk.open(FileConfig::new(disk.path())).unwrap_err();
    assert_eq!(error.message(), "another program writes to this file");
    first.close().await.unwrap();
    disk.open(FileConfig::new(disk.path())).unwrap();
}

#[tokio::test]
async fn a_path_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = File::new("archive", FileConfig::new(folder.path())).unwrap_err();
    assert_eq!((error.kind(), error.action()), (ErrorKind::Config, Action::Suspend));
    assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
}

#[test]
fn settings_are_human_and_unknown_ones_are_refused() {
    let read = |json| serde_json::from_str::<FileConfig>(json);
    let config = read(r#"{"path":"/x","rotate":{"size":"64MiB","age":"1d"}}"#).unwrap();
    let age = Some(HumanDuration::from_secs(86_400));
    assert_eq!(config.rotate, RotateConfig { size: ByteSize::new(64 << 20), age, keep: 5 });
    assert!(config.sync);
    for json in [r#"{}"#, r#"{"path":"/x","mode":1}"#, r#"{"path":"/x","rotate":{"size":"big"}}"#] {
        assert!(read(json).is_err(), "{json}");
    }
}
