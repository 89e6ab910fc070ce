//! Calls: of native functions, of functions of the language, and `recur`.

use temblor_pdk::value::{OwnedValue, Value};
use temblor_pdk::{Call, FunctionResult};

use super::code::{CallCode, Callee, Code, FunctionCode, InvokeCode};
use super::failure::{self, Eval};
use super::machine::{Flow, Form, Frame, Machine, Stop};
use crate::limits::RESTARTS as MAX_RESTARTS;
use crate::span::Span;

/// What a caller has of its own while a function runs.
struct Caller<'m, 'a> {
    frame: Frame<'m, 'a>,
    event: Value<'a>,
    form: Form,
    meta: Value<'a>,
    state: OwnedValue,
    outermost: Span,
}

impl<'m, 'a> Machine<'m, 'a> {
    /// Evaluates arguments onto the stack and returns where they start.
    fn arguments(&mut self, args: &[Code]) -> Flow<usize> {
        let base = self.memory.stacks.values.len();
        for arg in args {
            let value = self.eval(arg)?;
            self.memory.stacks.values.push(value);
        }
        Ok(base)
    }

    // --- native functions ---

    pub(super) fn call(&mut self, code: &CallCode) -> Flow<Value<'a>> {
        let base = self.arguments(&code.args)?;
        let result = self.native(code, base);
        self.memory.stacks.values.truncate(base);
        Ok(result?)
    }

    fn native(&self, code: &CallCode, base: usize) -> Eval<Value<'a>> {
        let args = self.memory.stacks.values.get(base..).unwrap_or_default();
        let call = Call {
            args,
            arena: self.arena,
            ingest_ns: self.ingest_ns,
            groups: self.groups,
            instance: self.instance,
        };
        let (min, max) = code.callee.arity();
        if args.len() < usize::from(min) || args.len() > usize::from(max) && max != u8::MAX {
            return Err(failure::bad_arity(code, min, max));
        }
        code.callee
            .call(&call)
            .map_err(|error| failure::function(error, code, args))
    }

    // --- functions of the language ---

    pub(super) fn invoke(&mut self, code: &InvokeCode) -> Flow<Value<'a>> {
        let base = self.arguments(&code.args)?;
        let Some(function) = self.pool.functions.get(code.function) else {
            return Err(failure::internal(code.span).into());
        };
        let caller = self.enter(function, base, code.span)?;
        let result = self.repeat(function);
        self.leave(caller);
        let value = result?;
        self.check(value, 0, code.span)?;
        Ok(value)
    }

    /// Starts a function with the arguments that lie on the stack.
    fn enter(
        &mut self,
        function: &'m FunctionCode,
        args: usize,
        span: Span,
    ) -> Flow<Caller<'m, 'a>> {
        let slots = function.locals.len();
        self.check_arguments(args, span)?;
        let given = self.memory.stacks.values.get(args..).unwrap_or_default();
        let surplus = match given.get(slots..) {
            Some(surplus) if !surplus.is_empty() => self.arena.array(surplus),
            _ => Value::NULL,
        };
        let base = self.memory.locals.len();
        let locals = given.iter().copied().map(Some).take(slots);
        self.memory.locals.extend(locals);
        self.memory.locals.resize(base + slots, None);
        self.memory.stacks.values.truncate(args);
        let caller = Caller {
            frame: self.frame,
            event: self.event,
            form: self.form,
            meta: self.meta,
            state: std::mem::take(self.state),
            outermost: self.outermost,
        };
        if !self.frame.is_function {
            self.outermost = span;
        }
        self.frame = Frame {
            base,
            names: &function.locals,
            surplus,
            is_function: true,
            params: function.params,
        };
        self.event = Value::NULL;
        self.form = Form::Whole;
        self.meta = Value::NULL;
        Ok(caller)
    }

    fn leave(&mut self, caller: Caller<'m, 'a>) {
        self.memory.locals.truncate(self.frame.base);
        self.frame = caller.frame;
        self.event = caller.event;
        self.form = caller.form;
        self.meta = caller.meta;
        *self.state = caller.state;
        self.outermost = caller.outermost;
    }

    /// Runs the body of a function until it does not ask to be started over.
    fn repeat(&mut self, function: &FunctionCode) -> Flow<Value<'a>> {
        for _ in 0..MAX_RESTARTS {
            match self.eval(&function.body) {
                Err(Stop::Recur) => {}
                result => return result,
            }
        }
        Err(failure::recursion(&function.name, MAX_RESTARTS, self.outermost).into())
    }

    pub(super) fn recur(&mut self, args: &[Code]) -> Flow<Value<'a>> {
        let base = self.arguments(args)?;
        self.check_arguments(base, self.outermost)?;
        let given = self.memory.stacks.values.get(base..).unwrap_or_default();
        let params = self.frame.params;
        let mut given = given.iter().copied().take(params);
        let locals = self.memory.locals.get_mut(self.frame.base..);
        for slot in locals.unwrap_or_default() {
            *slot = given.next();
        }
        self.memory.stacks.values.truncate(base);
        Err(Stop::Recur)
    }

    /// The surplus arguments of the function that is running.
    pub(super) fn surplus(&self) -> Value<'a> {
        if self.frame.surplus.is_null() {
            self.arena.array(&[])
        } else {
            self.frame.surplus
        }
    }

    #[cold]
    pub(super) fn unset_parameter(&self, slot: usize, span: Span) -> Stop {
        let name = self.frame.names.get(slot).map_or("", |name| name);
        failure::missing_argument(name, span).into()
    }
}

impl Callee {
    /// The smallest and the largest number of arguments.
    fn arity(&self) -> (u8, u8) {
        match self {
            Callee::Native(function) => (function.min_args, function.max_args),
            Callee::Foreign(foreign) => (foreign.min_args, foreign.max_args),
        }
    }

    fn call<'a>(&self, call: &Call<'_, 'a>) -> FunctionResult<'a> {
        match self {
            Callee::Native(function) => (function.call)(call),
            Callee::Foreign(foreign) => foreign.module.call(foreign.place, call),
        }
    }
}
