using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.Storage;

namespace CoScientist.Web.ViewModels;

/// <summary>What the reviewer is doing with the item on the screen.</summary>
public enum ReviewMode
{
    /// <summary>Reading it.</summary>
    Read,

    /// <summary>Choosing the reason to reject it.</summary>
    Reject,

    /// <summary>Writing another wording.</summary>
    Edit,

    /// <summary>Giving it another weight.</summary>
    Weigh,

    /// <summary>Saying what is wrong with it.</summary>
    Flag,
}

/// <summary>One reviewer's walk through the items: what is on the screen, what was skipped, what was saved.</summary>
public sealed class ReviewSession(ReviewStore store, LibraryStore library, ItemCheckStore checks)
{
    private readonly HashSet<RubricItemId> _skipped = [];
    private ReviewFilter _filter = new();

    /// <summary>Whether the sandbox's items are on the screen.</summary>
    public bool IsSandbox => _filter.Sandbox;

    /// <summary>The item on the screen; null when nothing is left.</summary>
    public ReviewQueueItem? Current { get; private set; }

    /// <summary>The whole rubric of its goal, in order.</summary>
    public IReadOnlyList<ReviewQueueItem> Rubric { get; private set; } = [];

    /// <summary>What the checks found wrong with the items of the rubric.</summary>
    public ILookup<RubricItemId, ItemFinding> Findings { get; private set; } = Array.Empty<ItemFinding>().ToLookup(finding => finding.ItemId);

    /// <summary>What flags on the items of the rubric say.</summary>
    public ILookup<RubricItemId, string> Flags { get; private set; } = Array.Empty<string>().ToLookup(_ => default(RubricItemId));

    /// <summary>How the rubric stands.</summary>
    public RubricCounts Counts { get; private set; } = new(0, 0, 0, 0);

    /// <summary>Undecided items that match the filter.</summary>
    public int Left { get; private set; }

    /// <summary>Items passed over in this walk.</summary>
    public int Skipped => _skipped.Count;

    /// <summary>Where in its paper the current item comes from; null when that is unknown.</summary>
    public Passage? Passage { get; private set; }

    /// <summary>What the reviewer is doing.</summary>
    public ReviewMode Mode { get; set; }

    /// <summary>Wording being written.</summary>
    public string Draft { get; set; } = "";

    /// <summary>Words to go with a rejection.</summary>
    public string Note { get; set; } = "";

    /// <summary>The last entry that the database took.</summary>
    public ReviewDecision? Saved { get; private set; }

    /// <summary>Why the last action was refused; null when it was not.</summary>
    public string? Refused { get; private set; }

    /// <summary>Starts over with a filter.</summary>
    public Task StartAsync(ReviewFilter filter, CancellationToken cancellationToken)
    {
        _filter = filter;
        _skipped.Clear();
        return NextAsync(cancellationToken);
    }

    /// <summary>Passes over the current item until the walk starts over.</summary>
    public Task SkipAsync(CancellationToken cancellationToken)
    {
        if (Current is { } current)
        {
            _skipped.Add(current.Item.Id);
        }

        return NextAsync(cancellationToken);
    }

    /// <summary>Puts another item of the same rubric on the screen.</summary>
    public Task ShowAsync(ReviewQueueItem item, CancellationToken cancellationToken)
    {
        Refused = null;
        return PutAsync(item, cancellationToken);
    }

    /// <summary>Decides on the current item and goes on to the next; a refusal stays on the item and shows it as it is now.</summary>
    public async Task<bool> DecideAsync(string reviewerId, ReviewAction action, RejectionReason? reason, CancellationToken cancellationToken)
    {
        if (Current is not { } current)
        {
            return false;
        }

        Refused = null;
        try
        {
            Saved = await store.DecideAsync(current.Item.Id, reviewerId, action, reason, Note, action == ReviewAction.Edit ? Draft : null, current.Seen, cancellationToken);
        }
        catch (ReviewRefusedException refused)
        {
            await RefreshAsync(current, cancellationToken);
            Refused = refused.Message;
            return false;
        }

        await NextAsync(cancellationToken);
        return true;
    }

    /// <summary>Decides on all undecided items of the rubric on the screen, and goes on; one undo takes all of it back.</summary>
    public async Task DecideAllAsync(string reviewerId, ReviewAction action, RejectionReason? reason, CancellationToken cancellationToken)
    {
        if (Current is not { } current)
        {
            return;
        }

        Refused = null;
        try
        {
            var seen = Rubric.Where(item => item.Item.State == RubricItemState.Proposed).ToDictionary(item => item.Item.Id, item => item.Seen);
            Saved = (await store.DecideAllAsync(current.Item.GoalId, reviewerId, action, reason, seen, cancellationToken))[^1];
        }
        catch (ReviewRefusedException refused)
        {
            await RefreshAsync(current, cancellationToken);
            Refused = refused.Message;
            return;
        }

        await NextAsync(cancellationToken);
    }

    /// <summary>Gives the current item another weight and stays on it: whether it counts is still to be decided.</summary>
    public async Task WeighAsync(string reviewerId, double weight, CancellationToken cancellationToken)
    {
        if (Current is not { } current)
        {
            return;
        }

        Refused = null;
        try
        {
            Saved = await store.WeighAsync(current.Item.Id, reviewerId, weight, current.Seen, cancellationToken);
            Mode = ReviewMode.Read;
        }
        catch (ReviewRefusedException refused)
        {
            Refused = refused.Message;
        }

        await RefreshAsync(current, cancellationToken);
    }

    /// <summary>Flags the current item with the note and stays on it: it is still to be decided.</summary>
    public async Task FlagAsync(string reviewerId, CancellationToken cancellationToken)
    {
        if (Current is not { } current)
        {
            return;
        }

        Refused = null;
        try
        {
            Saved = await store.FlagAsync(current.Item.Id, reviewerId, Note, cancellationToken);
            (Mode, Note) = (ReviewMode.Read, "");
        }
        catch (ReviewRefusedException refused)
        {
            Refused = refused.Message;
        }

        await RefreshAsync(current, cancellationToken);
    }

    /// <summary>Takes back the reviewer's last decision and shows its item.</summary>
    public async Task UndoAsync(string reviewerId, CancellationToken cancellationToken)
    {
        Refused = null;
        try
        {
            Saved = await store.UndoAsync(reviewerId, cancellationToken);
        }
        catch (ReviewRefusedException refused)
        {
            Refused = refused.Message;
            return;
        }

        if (await library.GoalOfAsync(Saved.ItemId, cancellationToken) is { } goal)
        {
            _filter = _filter with { Sandbox = goal.IsSandbox };
            var rubric = await RubricAsync(goal.Id, cancellationToken);
            await PutAsync(rubric.First(item => item.Item.Id == Saved.ItemId), cancellationToken);
        }
    }

    private async Task NextAsync(CancellationToken cancellationToken)
    {
        Refused = null;
        var queue = await store.QueueAsync(_filter, skip: 0, take: _skipped.Count + 1, cancellationToken);
        var next = queue.Items.FirstOrDefault(item => !_skipped.Contains(item.Item.Id));
        if (next is null && queue.Items.Count > 0)
        {
            // Everything left was skipped: the walk starts over.
            _skipped.Clear();
            next = queue.Items[0];
        }

        await PutAsync(next, cancellationToken);
    }

    /// <summary>Reads the item again, keeping what the reviewer is writing.</summary>
    private async Task RefreshAsync(ReviewQueueItem item, CancellationToken cancellationToken)
    {
        var rubric = await RubricAsync(item.Item.GoalId, cancellationToken);
        await ReadAsync(rubric.FirstOrDefault(other => other.Item.Id == item.Item.Id), cancellationToken);
    }

    private async Task PutAsync(ReviewQueueItem? item, CancellationToken cancellationToken)
    {
        await ReadAsync(item, cancellationToken);
        (Mode, Draft, Note) = (ReviewMode.Read, item?.Item.Text ?? "", "");
    }

    // Everything is read before anything changes: the page may be drawn while the database answers.
    private async Task ReadAsync(ReviewQueueItem? item, CancellationToken cancellationToken)
    {
        var left = (await store.QueueAsync(_filter, skip: 0, take: 0, cancellationToken)).Total;
        if (item is null)
        {
            (Current, Left, Rubric, Passage) = (null, left, [], null);
            return;
        }

        var goal = item.Item.GoalId;
        var rubric = await RubricAsync(goal, cancellationToken);
        var flags = await store.FlagsAsync(goal, cancellationToken);
        var findings = await checks.FindingsAsync(goal, cancellationToken);
        var counts = (await store.CountsAsync([goal], cancellationToken))[goal];
        var passage = item is { PaperId: { } paper, Item.SourceSection: { } section } && await library.SectionAsync(paper, section, cancellationToken) is { } source
            ? Passage.Cut(source.Title, source.Heading, source.Text, item.Item.SourceStart ?? -1, item.Item.SourceLength ?? 0)
            : null;
        (Current, Left, Rubric, Flags, Findings, Counts, Passage) = (item, left, rubric, flags, findings, counts, passage);
    }

    private async Task<IReadOnlyList<ReviewQueueItem>> RubricAsync(GoalId goal, CancellationToken cancellationToken) =>
        (await store.QueueAsync(new ReviewFilter { GoalId = goal, Sandbox = _filter.Sandbox, State = null }, skip: 0, take: 200, cancellationToken)).Items;
}
