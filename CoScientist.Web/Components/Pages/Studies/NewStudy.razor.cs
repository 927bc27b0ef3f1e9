using System.Globalization;
using CoScientist.Core.Statistics;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Studies;

/// <summary>Sets up a study: two arms that have plans for the same goals, how many of these, and what the experts are told.</summary>
public sealed partial class NewStudy
{
    private const int UsualGoals = 30;

    private IReadOnlyList<StudyArm>? _arms;
    private StudyArm _arm1 = default!;
    private StudyArm _arm2 = default!;
    private StudySuggestion? _suggestion;
    private string _name = "";
    private int _goals = UsualGoals;
    private int _shared;
    private int? _overlap;
    private int _reservation = 60;
    private int _practice;
    private bool _invitedOnly;
    private bool _strength;
    private bool _scores;
    private bool _criteria;
    private bool _items;
    private bool _reason;
    private bool _secondReview;
    private long _previewed;
    private BlindPair? _preview;
    private bool _busy;
    private string? _fault;
    private string _guidelines =
        """
        Choose the plan that you would rather see carried out for this goal.

        - Does it answer the goal and respect its limits?
        - Is it specific: what is done, how, and why?
        - Would it work, and would you notice if it did not?

        Length and polish do not count. Say *equally good* when you would not mind which, and *neither* when you would let nobody carry out either.
        """;

    [Inject]
    public required StudyStore Store { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    [Inject]
    internal AccessGuard Guard { get; set; } = default!;

    /// <summary>Name of the run to fill in from; null takes the newest that left plans.</summary>
    [SupplyParameterFromQuery(Name = "run")]
    public string? Run { get; set; }

    protected override async Task OnInitializedAsync()
    {
        await Guard.RequireAsync(Roles.Researcher, CancellationToken.None);
        var arms = await Store.ArmsAsync(CancellationToken.None);
        if (arms.Count > 1)
        {
            _suggestion = await Store.SuggestAsync(Run, CancellationToken.None);
            _arm1 = arms.FirstOrDefault(a => _suggestion is { } s && a.Name == s.Arm1 && a.IsSandbox == s.IsSandbox) ?? arms[0];
            _arm2 = arms.FirstOrDefault(a => _suggestion is { } s && a.Name == s.Arm2 && a.IsSandbox == s.IsSandbox) ?? Others(arms).FirstOrDefault() ?? _arm1;
            var taken = await Store.ListAsync(CancellationToken.None);
            _name = Enumerable.Range(1, taken.Count + 1).Select(n => $"Which plan is better? {n.ToString(CultureInfo.InvariantCulture)}").First(n => taken.All(t => t.Name != n));
            await CountAsync();
        }

        _arms = arms;
    }

    private static string KeyOf(StudyArm arm) => $"{(arm.IsSandbox ? "sandbox" : "research")}:{arm.Name}";

    private static string Describe(StudyArm arm) =>
        $"{(arm.Name == StudyArm.Reference ? "reference solutions" : arm.Name)} – {arm.Goals.ToString("N0", CultureInfo.InvariantCulture)} {(arm.IsSandbox ? "sandbox " : "")}goals";

    private IEnumerable<StudyArm> Others(IEnumerable<StudyArm> arms) => arms.Where(a => a.IsSandbox == _arm1.IsSandbox && a != _arm1);

    private string GoalsNote()
    {
        if (_shared == 0)
        {
            return "No goal has plans of both. Choose other arms.";
        }

        var note = string.Create(CultureInfo.InvariantCulture, $"{_shared:N0} goals have plans of both.");
        return note;
    }

    private PlannedStudy? Plan => _goals - _practice > 0 ? new PlannedStudy(_goals - _practice, Math.Clamp(_overlap ?? 1, 1, StudyRules.MaxOverlap)) : null;

    // The paper's own effect, 70% preferred, is what a study should at least be able to see.
    private bool TooSmall => Plan is null || Plan.Power(0.7) < 0.8;

    private string PowerNote()
    {
        if (Plan is not { } plan)
        {
            return "No goal is left to count.";
        }

        var seen = string.Create(CultureInfo.InvariantCulture, $"With {plan.Goals} goals × {plan.ExpertsPerGoal} {(plan.ExpertsPerGoal == 1 ? "answer" : "answers")} a win rate near one half is known to about ±{plan.HalfWidth:0.00}, and one of {0.5 + plan.Detectable():0.00} or more is found with 80% probability (5% two-sided, one tie in ten, correlation 0.3 within a goal).");
        return TooSmall && plan.GoalsNeeded(0.7) is { } needed
            ? seen + string.Create(CultureInfo.InvariantCulture, $" Too few to see even 70% preferred: that needs {needed} goals.")
            : seen;
    }

    private async Task ChooseAsync(ChangeEventArgs change, bool first)
    {
        var chosen = _arms!.First(a => KeyOf(a) == (string?)change.Value);
        if (!first)
        {
            _arm2 = chosen;
        }
        else
        {
            _arm1 = chosen;
            if (_arm2 == _arm1 || _arm2.IsSandbox != _arm1.IsSandbox)
            {
                _arm2 = Others(_arms!).FirstOrDefault() ?? _arm1;
            }
        }

        (_suggestion, _preview) = (null, null);
        await CountAsync();
    }

    private async Task CountAsync()
    {
        _shared = _arm1 == _arm2 ? 0 : await Store.SharedGoalsAsync(_arm1.Name, _arm2.Name, _arm1.IsSandbox, CancellationToken.None);
        _goals = Math.Min(Math.Max(1, _goals), Math.Max(1, _shared));
    }

    private StudyDraft Draft() => new() { Name = _name, Arm1 = _arm1.Name, Arm2 = _arm2.Name, IsSandbox = _arm1.IsSandbox, Goals = _goals, Guidelines = _guidelines, Overlap = _overlap, ReservationMinutes = _reservation, Practice = _practice, InvitedOnly = _invitedOnly, Form = new StudyForm { Strength = _strength, Scores = _scores, Criteria = _criteria, Items = _items, ReasonRequired = _reason, SecondReview = _secondReview } };

    private async Task PreviewAsync()
    {
        await Guard.RequireAsync(Roles.Researcher, CancellationToken.None);
        _preview = await Store.PreviewAsync(Draft(), _previewed++, CancellationToken.None);
    }

    private Task CreateAsync() => MakeAsync(open: true);

    private async Task MakeAsync(bool open)
    {
        if (_busy)
        {
            return;
        }

        (_busy, _fault) = (true, null);
        try
        {
            var by = await Guard.RequireAsync(Roles.Researcher, CancellationToken.None);
            Navigation.NavigateTo($"studies/{await Store.CreateAsync(Draft() with { Open = open, By = by }, CancellationToken.None)}");
        }
        catch (StudyException fault)
        {
            _fault = fault.Message;
        }
        finally
        {
            _busy = false;
        }
    }
}
