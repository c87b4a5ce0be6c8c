//! A program whose allocator is metes, with sessions of which each has a heap of its own. A pool has the sessions, and
//! its handles are their numbers: that of a session which has ended leads to nothing. What a session keeps is in its
//! heap, bounded, and goes with it; what the program's parts allocate is counted by tags.
//!
//!     cargo run --example sessions

use metes::{AllocError, Handle, LocalHeap, Metes, Pool, Tag};

#[global_allocator]
static ALLOCATOR: Metes = Metes;

struct Session {
    user: String,
    /// For one thread at a time: no call takes a lock.
    heap: LocalHeap,
    notes: usize,
}

struct Sessions {
    pool: Pool<Session>,
    users: Tag,
}

impl Sessions {
    fn begin(&mut self, user: &str) -> Result<Handle<Session>, AllocError> {
        let heap = metes::Heap::builder().name(user).limit(10_000).make_local()?;
        // The names of all users, wherever they go, count for a tag.
        let user = self.users.scope(|| user.to_owned());
        Ok(self.pool.insert(Session { user, heap, notes: 0 }))
    }

    /// Keeps a note with the session, until that ends.
    fn note(&mut self, session: Handle<Session>, text: &str) -> Result<(), String> {
        let session = self.pool.get_mut(session).ok_or("the session has ended")?;
        let note = session.heap.alloc_str(text).map_err(|_| format!("{} has too many notes", session.user))?;
        assert_eq!(note, text);
        session.notes += 1;
        Ok(())
    }

    /// The session goes, with its heap and all that is in there.
    fn end(&mut self, session: Handle<Session>) -> Option<usize> {
        self.pool.remove(session).map(|session| session.notes)
    }
}

fn main() {
    let users = Tag::new("users").expect("memory");
    let mut sessions = Sessions { pool: Pool::new(), users };
    let ada = sessions.begin("ada").expect("memory");
    let carl = sessions.begin("carl").expect("memory");

    // One session runs into its limit. The other one does not notice.
    let kept = (0..).take_while(|_| sessions.note(ada, &"a long note ".repeat(20)).is_ok()).count();
    println!("ada kept {kept} notes, in {} bytes", sessions.pool[ada].heap.live());
    assert!(kept == 39 && sessions.pool[ada].heap.live() <= 10_000);
    assert_eq!(sessions.note(ada, &"more ".repeat(100)), Err("ada has too many notes".into()));
    assert_eq!(sessions.note(carl, "a note"), Ok(()));

    assert_eq!(sessions.end(ada), Some(kept));
    assert_eq!(sessions.note(ada, "late"), Err("the session has ended".into()));
    let dora = sessions.begin("dora").expect("memory");
    assert!(sessions.pool.get(ada).is_none(), "also where another session has the place");
    assert_eq!(sessions.note(dora, "a note"), Ok(()));

    let names = users.stats();
    println!("{} sessions; the names of their users have {} bytes", sessions.pool.len(), names.live);
    assert_eq!((sessions.pool.len(), names.blocks), (2, 2));

    drop(sessions);
    assert_eq!(users.stats().live, 0);
    metes::check().expect("a whole heap");
    println!("all sessions are gone, and the heap is whole");
}
