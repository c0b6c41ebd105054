//! The calls of `chan`, and `select!`, by whether they switch.

use std::time::{Duration, Instant};

use threadle::chan::{self, Select};
use threadle::{context, go, select};

use super::{Call, NonSwitching, alone, parked, wakes};

pub(super) const NON_SWITCHING: &[NonSwitching] = &[
    ("chan::bounded, unbounded, never, after, tick", 0, || {
        alone(|| {
            drop((chan::bounded::<u8>(1), chan::unbounded::<u8>(), chan::never::<u8>()));
            drop((chan::after(Duration::from_secs(9)), chan::tick(Duration::from_secs(9))));
        })
    }),
    ("try_send, try_recv, try_iter", 0, || {
        alone(|| {
            let (send, receive) = chan::bounded(1);
            send.try_send(1).expect("there is room");
            assert!(send.try_send(2).is_err());
            assert_eq!(receive.try_recv(), Ok(1));
            assert!(receive.try_recv().is_err());
            assert_eq!(receive.try_iter().count(), 0);
        })
    }),
    ("what is asked of a channel", 0, || {
        alone(|| {
            let (send, receive) = chan::bounded::<u8>(1);
            assert!(send.same_channel(&send.clone()) && receive.same_channel(&receive.clone()));
            assert_eq!((send.len(), receive.len()), (0, 0));
            assert_eq!((send.capacity(), receive.capacity()), (Some(1), Some(1)));
            assert!(send.is_empty() && receive.is_empty() && !send.is_full() && !receive.is_full());
        })
    }),
    ("try_send to one that waits", 1, || {
        let (send, receive) = chan::bounded(1);
        wakes(parked("chan receive", move || assert_eq!(receive.recv(), Ok(1))), move || {
            send.try_send(1).expect("there is room");
        })
    }),
    ("try_recv from one that waits", 1, || {
        let (send, receive) = chan::bounded(0);
        wakes(parked("chan send", move || send.send(1).expect("it is received")), move || {
            assert_eq!(receive.try_recv(), Ok(1));
        })
    }),
    ("select! with default", 0, || {
        alone(|| {
            let (send, receive) = chan::bounded(1);
            select! { recv(receive) -> _ => unreachable!("it is empty"), default => {} }
            select! { send(send, 1) -> sent => sent.expect("it is open"), default => unreachable!("there is room") }
            select! { recv(receive) -> got => assert_eq!(got, Ok(1)), default => unreachable!("it is there") }
        })
    }),
    ("select! with default to one that waits", 1, || {
        let (send, receive) = chan::bounded(0);
        // The park that is ended is the last: where the receiver is quick, it waits once more for the value.
        wakes(parked("chan receive", move || assert_eq!(receive.recv(), Ok(1))), move || {
            select! { send(send, 1) -> sent => sent.expect("it is open"), default => unreachable!("it waits") }
        })
    }),
    ("select! with default from one that waits", 1, || {
        let (send, receive) = chan::bounded(0);
        wakes(parked("chan send", move || send.send(1).expect("it is received")), move || {
            select! { recv(receive) -> got => assert_eq!(got, Ok(1)), default => unreachable!("it waits") }
        })
    }),
    ("try_send to one that waits in a select!", 1, || {
        let (send, receive) = chan::bounded(0);
        let waiting =
            move || select! { recv(receive) -> got => assert_eq!(got, Ok(1)), recv(chan::never::<u8>()) -> _ => {} };
        wakes(parked("select", waiting), move || send.try_send(1).expect("it waits"))
    }),
    ("Select::send, recv, try_select, try_ready, remove", 0, || {
        alone(|| {
            let (send, receive) = chan::bounded(1);
            let mut select = Select::new();
            let (sends, receives) = (select.send(&send), select.recv(&receive));
            assert_eq!(select.try_ready(), Ok(sends));
            select.try_select().expect("there is room").send(&send, 1).expect("it is open");
            let chosen = select.try_select().expect("it is there");
            assert_eq!(chosen.index(), receives);
            assert_eq!(chosen.recv(&receive), Ok(1));
            select.remove(sends);
            assert!(select.clone().try_select().is_err());
        })
    }),
    ("close", 0, || alone(|| assert!(chan::bounded::<u8>(1).0.close()))),
    ("close under one that receives", 1, || {
        let (send, receive) = chan::bounded::<u8>(1);
        wakes(parked("chan receive", move || assert!(receive.recv().is_err())), move || assert!(send.close()))
    }),
    ("close under one that sends", 1, || {
        let (send, receive) = chan::bounded(0);
        wakes(parked("chan send", move || assert!(send.send(1).is_err())), move || assert!(receive.close()))
    }),
    ("drop of the last sender", 1, || {
        let (send, receive) = chan::bounded::<u8>(1);
        wakes(parked("chan receive", move || assert!(receive.recv().is_err())), move || drop(send))
    }),
    ("drop of the last receiver", 1, || {
        let (send, receive) = chan::bounded(0);
        wakes(parked("chan send", move || assert!(send.send(1).is_err())), move || drop(receive))
    }),
];

/// Calls that may switch, so made that most of them do.
pub(super) const SWITCHING: &[Call] = &[
    ("recv_with, send_with", || {
        let (context, _cancel) = context::Context::background().with_timeout(Duration::from_micros(100));
        let (send, receive) = chan::bounded::<u8>(0);
        assert!(send.send_with(&context, 1).is_err());
        let (context, _cancel) = context::Context::background().with_timeout(Duration::from_micros(100));
        assert!(receive.recv_with(&context).is_err());
    }),
    ("recv", || {
        let (send, receive) = chan::bounded(1);
        drop(go(move || send.send(1)));
        assert_eq!(receive.recv(), Ok(1));
    }),
    ("recv_timeout", || {
        let (_send, receive) = chan::bounded::<u8>(0);
        assert!(receive.recv_timeout(Duration::from_micros(50)).is_err());
    }),
    ("recv_deadline", || {
        let (_send, receive) = chan::bounded::<u8>(0);
        assert!(receive.recv_deadline(Instant::now() + Duration::from_micros(50)).is_err());
    }),
    ("iteration of a receiver", || {
        let (send, receive) = chan::bounded(1);
        let sender = go(move || (0..4).for_each(|number| send.send(number).expect("it is received")));
        assert_eq!(receive.iter().sum::<u32>(), 6);
        sender.join().expect("it only sends");
    }),
    ("send", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || receive.recv()));
        send.send(1).expect("it is received");
    }),
    ("send_timeout", || {
        let (send, _receive) = chan::bounded(0);
        assert!(send.send_timeout(1, Duration::from_micros(50)).is_err());
    }),
    ("send_deadline", || {
        let (send, _receive) = chan::bounded(0);
        assert!(send.send_deadline(1, Instant::now() + Duration::from_micros(50)).is_err());
    }),
    ("select! that receives", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || send.send(1)));
        select! { recv(receive) -> got => assert_eq!(got, Ok(1)), recv(chan::never::<u8>()) -> _ => {} }
    }),
    ("select! that sends", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || receive.recv()));
        select! { send(send, 1) -> sent => sent.expect("it is received"), recv(chan::never::<u8>()) -> _ => {} }
    }),
    ("select! that meets a select!", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || select! { send(send, 1) -> sent => sent.expect("it is received") }));
        select! { recv(receive) -> got => assert_eq!(got, Ok(1)), recv(chan::never::<u8>()) -> _ => {} }
    }),
    ("select! with a time-out", || {
        let (_send, receive) = chan::bounded::<u8>(0);
        select! { recv(receive) -> _ => unreachable!("nothing is sent"), default(Duration::from_micros(50)) => {} }
    }),
    ("Select::select", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || send.send(1)));
        let mut select = Select::new();
        select.recv(&receive);
        assert_eq!(select.select().recv(&receive), Ok(1));
    }),
    ("Select::ready", || {
        let (send, receive) = chan::bounded(1);
        drop(go(move || send.send(1)));
        let mut select = Select::new();
        select.recv(&receive);
        assert_eq!(select.ready(), 0);
    }),
    ("Select::select_timeout, ready_timeout", || {
        let (_send, receive) = chan::bounded::<u8>(0);
        let mut select = Select::new();
        select.recv(&receive);
        assert!(select.select_timeout(Duration::from_micros(50)).is_err());
        assert!(select.ready_timeout(Duration::from_micros(50)).is_err());
    }),
];
