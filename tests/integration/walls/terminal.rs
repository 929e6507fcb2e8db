//! A person at a terminal: the command has one of its own, and the person's is as it was afterwards.

use std::fs::File;
use std::io::Read as _;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

use super::stand::{Stand, User};

/// A terminal, and the run that somebody started at it.
struct Seat {
    person: File,
    terminal: File,
    run: Child,
    /// Readable once the run has ended: the terminal, which is held open here too, would not tell.
    end: OwnedFd,
    seen: String,
}

impl Seat {
    fn at(stand: &Stand, script: &str) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let terminal = File::from(ioctl_tiocgptpeer(&master, flags).unwrap());
        let stream = || Stdio::from(terminal.try_clone().unwrap());
        let mut command = stand.command(&["--profile", "workspace-write"], &["bash", "-c", script]);
        size(&File::from(master.try_clone().unwrap()), 24, 80);
        let run =
            command.env("TERM", "xterm").stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap();
        let end = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        Self { person: File::from(master), terminal, run, end, seen: String::new() }
    }

    /// Reads until this is on the screen.
    #[track_caller]
    fn sees(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let mut waits = [PollFd::new(&self.person, PollFlags::IN), PollFd::new(&self.end, PollFlags::IN)];
            poll(&mut waits, None).unwrap();
            assert!(waits[0].revents().contains(PollFlags::IN), "it ended without `{text}`: {}", self.seen);
            let mut bytes = [0; 1024];
            let read = self.person.read(&mut bytes).unwrap();
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    fn types(&mut self, text: &str) {
        self.person.write_all(text.as_bytes()).unwrap();
    }

    fn modes(&self) -> Termios {
        tcgetattr(&self.terminal).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.run.id()).unwrap()).unwrap(), signal).unwrap();
    }

    #[track_caller]
    fn ends(mut self, code: i32) {
        assert_eq!(self.run.wait().unwrap().code(), Some(code), "{}", self.seen);
        let modes = self.modes().local_modes;
        assert!(
            modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG),
            "the terminal is as it was"
        );
    }
}

fn size(terminal: &File, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}

#[test]
fn a_command_at_a_terminal_has_one_of_its_own() {
    let stand = Stand::new(User::Root);
    let mut seat = Seat::at(
        &stand,
        "test -t 0 && test -t 1 && test -t 2 && stty size; read line; echo \"read $line\"; exit 5",
    );
    seat.sees("24 80");
    assert!(!seat.modes().local_modes.contains(LocalModes::ICANON), "keys go to the run as they are");
    seat.types("hello\n");
    seat.sees("read hello");
    seat.ends(5);
}

#[test]
fn the_size_of_the_window_is_passed_on() {
    let stand = Stand::new(User::Nobody);
    let mut seat =
        Seat::at(&stand, "trap 'stty size; exit 0' WINCH; echo started; while :; do sleep 0.02; done");
    seat.sees("started");
    size(&seat.person.try_clone().unwrap(), 50, 132);
    // The kernel tells the processes of the terminal's session; this one belongs to the test's.
    seat.signal(Signal::WINCH);
    seat.sees("50 132");
    seat.ends(0);
}

#[test]
fn the_keys_for_interrupt_and_suspend_reach_the_command() {
    let stand = Stand::new(User::Root);
    let waiting = "trap 'echo heard; exit 4' INT; echo started; while :; do sleep 0.02; done";
    let mut seat = Seat::at(&stand, waiting);
    seat.sees("started");
    seat.types("\u{3}");
    seat.sees("heard");
    seat.ends(4);

    let mut seat =
        Seat::at(&stand, "set -m; (echo started; exec sleep 1000); echo status $?; jobs; kill %1; exit 6");
    seat.sees("started");
    seat.types("\u{1a}");
    seat.sees("status 148");
    seat.ends(6);
}

#[test]
fn a_terminal_is_as_it_was_after_a_signal_and_a_crash() {
    let stand = Stand::new(User::Root);
    let mut seat = Seat::at(&stand, "stty raw -echo; echo started; exec sleep 1000");
    seat.sees("started");
    seat.signal(Signal::TERM);
    seat.ends(143);
    let mut seat = Seat::at(&stand, "stty raw -echo; echo started; kill -SEGV $$");
    seat.sees("started");
    seat.ends(139);
}

#[test]
fn what_a_terminal_answers_to_escape_sequences_is_not_left_for_the_shell() {
    let stand = Stand::new(User::Root);
    // The command asks where the cursor is, and does not read the answer.
    let mut seat =
        Seat::at(&stand, "printf '\\033[6n'; echo asked; exec 0<&-; read never < /dev/null; exit 3");
    seat.sees("asked");
    seat.types("\u{1b}[1;1Recho evil\n");
    assert_eq!(seat.run.wait().unwrap().code(), Some(3));
    fcntl_setfl(&seat.terminal, OFlags::NONBLOCK).unwrap();
    assert_eq!(seat.terminal.read(&mut [0; 64]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_full_screen_program_draws_reads_keys_and_sees_the_window_change() {
    const SCRIPT: &str = "
import curses
def main(screen):
    screen.timeout(20)
    while True:
        screen.clear(); screen.addstr(0, 0, 'size %d %d ' % screen.getmaxyx()); screen.refresh()
        key = screen.getch()
        if key == ord('q'): return
curses.wrapper(main); print('left')";
    let stand = Stand::new(User::Nobody);
    let mut seat = Seat::at(&stand, &format!("exec /usr/bin/python3 -c \"{SCRIPT}\""));
    seat.sees("size 24 80");
    size(&seat.person.try_clone().unwrap(), 40, 100);
    seat.signal(Signal::WINCH);
    seat.sees("40 100");
    seat.types("q");
    seat.sees("left");
    seat.ends(0);
}

#[test]
fn a_command_never_holds_the_persons_terminal() {
    let stand = Stand::new(User::Root);
    let mut seat = Seat::at(&stand, "for f in 0 1 2; do stat -L -c '%t:%T' /proc/self/fd/$f; done; echo end");
    seat.sees("end");
    let own = std::os::unix::fs::MetadataExt::rdev(&seat.terminal.metadata().unwrap());
    let own = format!("{:x}:{:x}", rustix::fs::major(own), rustix::fs::minor(own));
    assert!(!seat.seen.lines().any(|line| line.trim() == own), "{own}: {}", seat.seen);
    seat.ends(0);
}
