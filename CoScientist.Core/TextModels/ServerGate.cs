using System.Globalization;

namespace CoScientist.Core.TextModels;

/// <summary>
/// Lets calls of one server through as its limits allow. Budgets are reserved before a call, for the longest answer it may get,
/// and settled after it: what is spent and what is reserved never exceed the budget together.
/// </summary>
/// <param name="server">Name of the server, for messages.</param>
/// <param name="limits">Its limits.</param>
/// <param name="time">The clock.</param>
/// <param name="spent">What has been used since the budgets began.</param>
public sealed class ServerGate(string server, ServerLimits limits, TimeProvider time, Func<CancellationToken, Task<Spending>> spent) : IDisposable
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim mutex = new(1, 1);
    private readonly Queue<Pass> begun = new();
    private TaskCompletionSource changed = NewSignal();
    private DateTimeOffset notBefore;
    private int underWay;
    private long reservedTokens;
    private long reservedMicros;

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
                if (underWay >= limits.Concurrency || !await FitsBudgetAsync(pass, cancellationToken))
                {
                    wait = changed.Task;
                }
                else if (WaitFor(pass) is var delay && delay > TimeSpan.Zero)
                {
                    wait = Task.Delay(delay, time, cancellationToken);
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

    /// <summary>False when it may fit after others have settled.</summary>
    private async Task<bool> FitsBudgetAsync(Pass pass, CancellationToken cancellationToken)
    {
        if (limits.TokenBudget is null && limits.MoneyBudget is null)
        {
            return true;
        }

        var used = await spent(cancellationToken);
        var tokensFit = limits.TokenBudget is not { } tokens || used.Tokens + reservedTokens + pass.Tokens <= tokens;
        var moneyFits = limits.MoneyBudget is not { } money || used.CostMicros + reservedMicros + pass.CostMicros <= money * 1_000_000;
        if (tokensFit && moneyFits)
        {
            return true;
        }

        if (underWay > 0)
        {
            return false;
        }

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
        reservedTokens += pass.Tokens;
        reservedMicros += pass.CostMicros;
        pass.Begin(time.GetUtcNow());
        if (limits.RequestsPerMinute is not null || limits.TokensPerMinute is not null)
        {
            begun.Enqueue(pass);
        }
    }

    private async ValueTask LeaveAsync(Pass pass)
    {
        await mutex.WaitAsync();
        underWay--;
        reservedTokens -= pass.ReservedTokens;
        reservedMicros -= pass.CostMicros;
        var signal = changed;
        changed = NewSignal();
        mutex.Release();
        signal.SetResult();
    }

    /// <summary>The right to call a server once.</summary>
    public sealed class Pass : IAsyncDisposable
    {
        private readonly ServerGate gate;

        internal Pass(ServerGate gate, long tokens, long costMicros) => (this.gate, Tokens, ReservedTokens, CostMicros) = (gate, tokens, tokens, costMicros);

        /// <summary>Tokens that count against the limit per minute.</summary>
        internal long Tokens { get; private set; }

        internal long ReservedTokens { get; }

        internal long CostMicros { get; }

        internal DateTimeOffset BegunAt { get; private set; }

        /// <summary>Says what the call really took. To be called after the call stands in the ledger, which is where budgets look.</summary>
        public void Settle(long tokens) => Tokens = tokens;

        internal void Begin(DateTimeOffset at) => BegunAt = at;

        /// <summary>Gives back what was reserved.</summary>
        public ValueTask DisposeAsync() => gate.LeaveAsync(this);
    }
}
