namespace CoScientist.Core.TextModels;

/// <summary>What a call may use of a server's budgets, held from before the call until it stands in the ledger.</summary>
public sealed class BudgetReservation
{
    /// <summary>Row key, given by storage.</summary>
    public long Id { get; set; }

    /// <summary>Name of the server.</summary>
    public required string Server { get; init; }

    /// <summary>The process that calls.</summary>
    public required string Holder { get; init; }

    /// <summary>Most tokens, read and written.</summary>
    public required long Tokens { get; init; }

    /// <summary>Most that it costs, in millionths of the currency.</summary>
    public required long CostMicros { get; init; }

    /// <summary>From when on it counts no more (UTC, by the clock of the database): its process has died.</summary>
    public required DateTimeOffset Until { get; init; }
}

/// <summary>What became of a wish to reserve.</summary>
/// <param name="Reservation">Key of the reservation; null when the budgets do not suffice beside what is reserved.</param>
/// <param name="Used">What stands in the ledger since the budgets began.</param>
/// <param name="IsHeldHere">Whether calls of this process have reserved some of the budgets.</param>
/// <param name="IsHeldElsewhere">The same of other processes.</param>
public readonly record struct BudgetAnswer(long? Reservation, Spending Used, bool IsHeldHere, bool IsHeldElsewhere);

/// <summary>Where budgets are reserved, for all processes that call the same servers: the database, seen from the domain.</summary>
public interface IBudgetBook
{
    /// <summary>Reserves, unless what is used, what is reserved and this would exceed a budget together.</summary>
    /// <param name="server">Name of the server.</param>
    /// <param name="limits">Its limits.</param>
    /// <param name="tokens">Most tokens that the call takes.</param>
    /// <param name="costMicros">Most that it costs, in millionths of the currency.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<BudgetAnswer> ReserveAsync(string server, ServerLimits limits, long tokens, long costMicros, CancellationToken cancellationToken);

    /// <summary>Gives back what was reserved. To be called after the call stands in the ledger.</summary>
    /// <param name="reservation">Key of the reservation.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task ReleaseAsync(long reservation, CancellationToken cancellationToken);
}
