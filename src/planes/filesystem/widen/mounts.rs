//! Does what an [`Order`] says, from a process of its own with one thread: makes the mounts ready on its own bench, enters the run's
//! mounts, and puts them in their place.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::attach::{Identity, Mounted, bench, copy_of, identity, on_bench, ready, stand_in};
use super::links::{Missing, make, missing};
use super::{GRANTED, Order, Outcome, Step};
use crate::planes::filesystem::ground::unshare;
use crate::planes::filesystem::pinned::pinned;

/// Where this process is.
struct Places {
    /// Behind the walls.
    run: File,
    /// On its own bench, among the mounts outside.
    own: File,
}

/// What a step works with.
struct Work {
    /// The file that has to show where it is done.
    shows: Option<Identity>,
    /// The mount that is put there.
    mount: Option<OwnedFd>,
}

/// Does all of it, or nothing.
#[must_use]
pub fn carry_out(order: &Order) -> Outcome {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::ResourceBusy => Outcome::Busy,
        _ => Outcome::Failed(error.to_string()),
    };
    let (linked, works) = match prepared(order) {
        Ok(ready) => ready,
        Err(error) => return failed(error),
    };
    let mut done: Vec<&Step> = Vec::new();
    for (step, work) in order.steps.iter().zip(&works) {
        if let Err(error) = apply(step, work) {
            // Backwards: what was opened on the way must not stay open.
            let mut undone = done.iter().rev().filter_map(|step| step.undone());
            let whole = undone.all(|step| apply(&step, &Work { shows: None, mount: None }).is_ok());
            return if whole { failed(error) } else { Outcome::Torn };
        }
        done.push(step);
    }
    Outcome::Done { linked }
}

/// Everything is made ready, and this process is behind the walls.
fn prepared(order: &Order) -> io::Result<(Vec<PathBuf>, Vec<Work>)> {
    let places = Places::open(order)?;
    let works = works(&order.steps)?;
    let linked = show_grants(&places, &order.steps, &works)?;
    places.enter_run()?;
    Ok((linked, works))
}

/// Opens everything that the steps name, and then makes the mounts ready: the bench may lie over some of it.
fn works(steps: &[Step]) -> io::Result<Vec<Work>> {
    let opened = |step: &Step| match step {
        Step::Cover { at, write } => Ok(Some((pinned(CWD, at)?, Some(*write)))),
        Step::Grant { from, write, .. } => Ok(Some((pinned(CWD, from)?, Some(*write)))),
        Step::Unseal { at } | Step::Seal { at } => Ok(Some((pinned(CWD, at)?, None))),
        Step::Uncover { .. } => Ok(None),
    };
    let opened = steps.iter().map(opened).collect::<io::Result<Vec<_>>>()?;
    bench()?;
    let work = |(index, opened): (usize, Option<(OwnedFd, Option<bool>)>)| {
        let Some((file, write)) = opened else { return Ok(Work { shows: None, mount: None }) };
        let shows = Some(identity(&file)?);
        let mount = write.map(|write| ready(&file, &format!("mount-{index}"), write)).transpose()?;
        Ok(Work { shows, mount })
    };
    opened.into_iter().enumerate().map(work).collect()
}

fn apply(step: &Step, work: &Work) -> io::Result<()> {
    let there = |at: &Path| {
        let mounted = Mounted::at(at)?;
        match work.shows {
            Some(shows) if mounted.shows()? != shows => {
                Err(io::Error::other("something else is there in the run"))
            }
            _ => Ok(mounted),
        }
    };
    match (step, &work.mount) {
        (Step::Cover { at, .. }, Some(mount)) => there(at)?.cover(mount),
        (Step::Grant { name, .. }, Some(mount)) => Mounted::at(&Path::new(GRANTED).join(name))?.cover(mount),
        (Step::Cover { .. } | Step::Grant { .. }, None) => Err(io::ErrorKind::InvalidInput.into()),
        (Step::Unseal { at }, _) => there(at)?.set(true),
        (Step::Seal { at }, _) => there(at)?.set(false),
        (Step::Uncover { at, write }, _) => {
            let mounted = Mounted::at(at)?;
            if *write {
                mounted.set(false)?;
            }
            mounted.take_away()
        }
    }
}

/// Makes what grants are mounted on, and the links to them. The paths of the links.
fn show_grants(places: &Places, steps: &[Step], works: &[Work]) -> io::Result<Vec<PathBuf>> {
    let grants: Vec<(&PathBuf, &String, &OwnedFd)> = steps
        .iter()
        .zip(works)
        .filter_map(|(step, work)| match step {
            Step::Grant { from, name, .. } => Some((from, name, work.mount.as_ref()?)),
            _ => None,
        })
        .collect();
    if grants.is_empty() {
        return Ok(Vec::new());
    }
    places.enter_run()?;
    let (root, granted) =
        (copy_of(pinned(CWD, Path::new("/"))?)?, copy_of(pinned(CWD, Path::new(GRANTED))?)?);
    let free: Vec<Option<Missing>> =
        grants.iter().map(|(from, ..)| missing(from)).collect::<io::Result<_>>()?;
    places.come_back()?;
    let (root, granted) = (on_bench(root, "root", true)?, on_bench(granted, "granted", true)?);
    let mut linked = Vec::new();
    for ((from, name, mount), free) in grants.into_iter().zip(free) {
        stand_in(&granted.join(name), mount)?;
        // Without a link it still shows where it is granted.
        if let Some(free) = free
            && make(free, &root, &Path::new(GRANTED).join(name)).is_ok()
        {
            linked.push(from.clone());
        }
    }
    Ok(linked)
}

impl Places {
    /// Enters the ground, and a mount namespace of its own there.
    fn open(order: &Order) -> io::Result<Self> {
        let of = |pid: u32, kind: &str| File::open(format!("/proc/{pid}/ns/{kind}"));
        let (user, ground) = (of(order.ground, "user")?, of(order.ground, "mnt")?);
        let run = of(order.inside, "mnt")?;
        move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))?;
        move_into_link_name_space(ground.as_fd(), Some(LinkNameSpaceType::Mount))?;
        unshare(UnshareFlags::NEWNS)?;
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        Ok(Self { run, own: File::open("/proc/self/ns/mnt")? })
    }

    fn enter_run(&self) -> io::Result<()> {
        Ok(move_into_link_name_space(self.run.as_fd(), Some(LinkNameSpaceType::Mount))?)
    }

    fn come_back(&self) -> io::Result<()> {
        Ok(move_into_link_name_space(self.own.as_fd(), Some(LinkNameSpaceType::Mount))?)
    }
}
