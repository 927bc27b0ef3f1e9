using System.Globalization;

namespace CoScientist.Core.TextModels;

/// <summary>
/// Lets calls of one server through as its limits allow. Budgets are reserved before a call, for the longest answer it may get,
/// and settled after it: what is spent and what is reserved never exceed the budget together, whichever process calls.
/// How many calls are under way or begin within a minute, each process counts for itself.
/// </summary>
/// <param name="server">Name of the server, for messages.</param>
/// <param name="limits">Its limits.</param>
/// <param name="time">The clock.</param>
/// <param name="budgets">Where budgets are reserved.</param>
public sealed class ServerGate(string server, ServerLimits limits, TimeProvider time, IBudgetBook budgets) : IDisposable
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    // How soon it is seen that another process has given back what it had reserved.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim mutex = new(1, 1);
    private readonly Queue<Pass> begun = new();
    private TaskCompletionSource changed = NewSignal();
    private DateTimeOffset notBefore;
    private int underWay;

    /// <summary>The limits.</summary>
    public ServerLimits Limits => limits;

    /// <summary>Waits until a call may begin.</summary>
    /// <param name="promptTokens">Tokens that it sends, estimated.</param>
    /// <param name="completionTokens">Most tokens that it may get.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The right to call once; disposing it makes room for the next.</returns>
    /// <exception cref="TextModelException">A budget does not suffice for the call; the message says which, and the remedy.</exception>
    public async Task<Pass> EnterAsync(long promptTokens, long completionTokens, CancellationToken cancellationToken)
    {
        var pass = new Pass(this, promptTokens + completionTokens, limits.CostMicros(promptTokens, completionTokens));
        while (true)
        {
            Task wait;
            await mutex.WaitAsync(cancellationToken);
            try
            {
                if (underWay >= limits.Concurrency)
                {
                    wait = changed.Task;
                }
                else if (WaitFor(pass) is var delay && delay > TimeSpan.Zero)
                {
                    wait = Task.Delay(delay, time, cancellationToken);
                }
                else if (await ReserveAsync(pass, cancellationToken) is { } others)
                {
                    wait = others;
                }
                else
                {
                    Admit(pass);
                    return pass;
                }
            }
            finally
            {
                mutex.Release();
            }

            await wait.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Holds back all calls for a while, because the server asks for it.</summary>
    public async Task HoldAsync(TimeSpan duration)
    {
        await mutex.WaitAsync();
        var until = time.GetUtcNow() + duration;
        notBefore = until > notBefore ? until : notBefore;
        mutex.Release();
    }

    /// <inheritdoc/>
    public void Dispose() => mutex.Dispose();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Reserves; else what to wait for before it is tried again.</summary>
    private async Task<Task?> ReserveAsync(Pass pass, CancellationToken cancellationToken)
    {
        if (limits.TokenBudget is null && limits.MoneyBudget is null)
        {
            return null;
        }

        var answer = await budgets.ReserveAsync(server, limits, pass.Tokens, pass.CostMicros, cancellationToken);
        if (answer.Reservation is { } reservation)
        {
            pass.Reservation = reservation;
            return null;
        }

        if (answer.IsHeldElsewhere || answer.IsHeldHere)
        {
            return underWay > 0 && !answer.IsHeldElsewhere ? changed.Task : Task.WhenAny(changed.Task, Task.Delay(Look, time, cancellationToken));
        }

        var used = answer.Used;
        var tokensFit = limits.TokenBudget is not { } tokens || used.Tokens + pass.Tokens <= tokens;
        var what = tokensFit
            ? string.Create(CultureInfo.InvariantCulture, $"of {limits.MoneyBudget:0.######} in money ({used.CostMicros / 1e6:0.######} spent, and the next call may cost {pass.CostMicros / 1e6:0.######})")
            : string.Create(CultureInfo.InvariantCulture, $"of {limits.TokenBudget:N0} tokens ({used.Tokens:N0} used, and the next call may take {pass.Tokens:N0})");
        throw new TextModelException(server, $"the budget {what} is spent. Raise it or start it anew on Admin, Model servers, then begin the work again: what has been answered is kept and costs nothing.") { Outcome = CallOutcome.OverBudget };
    }

    private TimeSpan WaitFor(Pass pass)
    {
        var now = time.GetUtcNow();
        while (begun.TryPeek(out var oldest) && now - oldest.BegunAt >= Minute)
        {
            begun.Dequeue();
        }

        var wait = notBefore - now;
        var tokens = begun.Sum(call => call.Tokens);
        var tooMany = begun.Count >= limits.RequestsPerMinute;
        // A call larger than the limit itself goes when it is alone.
        var tooMuch = begun.Count > 0 && tokens + pass.Tokens > limits.TokensPerMinute;
        if ((tooMany || tooMuch) && begun.TryPeek(out var first))
        {
            var free = first.BegunAt + Minute - now;
            wait = free > wait ? free : wait;
        }

        return wait;
    }

    private void Admit(Pass pass)
    {
        underWay++;
        pass.Begin(time.GetUtcNow());
        if (limits.RequestsPerMinute is not null || limits.TokensPerMinute is not null)
        {
            begun.Enqueue(pass);
        }
    }

    private async ValueTask LeaveAsync(Pass pass)
    {
        try
        {
            if (pass.Reservation is { } reservation)
            {
                await budgets.ReleaseAsync(reservation, CancellationToken.None);
            }
        }
        finally
        {
            await mutex.WaitAsync();
            underWay--;
            var signal = changed;
            changed = NewSignal();
            mutex.Release();
            signal.SetResult();
        }
    }

    /// <summary>The right to call a server once.</summary>
    public sealed class Pass : IAsyncDisposable
    {
        private readonly ServerGate gate;

        internal Pass(ServerGate gate, long tokens, long costMicros) => (this.gate, Tokens, CostMicros) = (gate, tokens, costMicros);

        /// <summary>Tokens that count against the limit per minute.</summary>
        internal long Tokens { get; private set; }

        /// <summary>What it holds of the budgets; null where there are none.</summary>
        internal long? Reservation { get; set; }

        internal long CostMicros { get; }

        internal DateTimeOffset BegunAt { get; private set; }

        /// <summary>Says what the call really took. To be called after the call stands in the ledger, which is where budgets look.</summary>
        public void Settle(long tokens) => Tokens = tokens;

        internal void Begin(DateTimeOffset at) => BegunAt = at;

        /// <summary>Gives back what was reserved.</summary>
        public ValueTask DisposeAsync() => gate.LeaveAsync(this);
    }
}
