using System.Globalization;
using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using CoScientist.Web.Jobs;
using CoScientist.Web.Runs;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Checkpoints;

/// <summary>One goal, two models, the same seed, with gradings.</summary>
public sealed partial class ModelPlayground : IDisposable
{
    /// <summary>Goals offered; another is reached from its own page.</summary>
    private const int GoalsShown = 60;

    private const int GoalLength = 100;

    private readonly CancellationTokenSource _gone = new();
    private IReadOnlyList<RunGoal> _goals = [];
    private IReadOnlyList<string> _models = [];
    private PlaygroundResult? _result;
    private CancellationTokenSource? _running;
    private string _goal = "";
    private string _left = "";
    private string _right = "";
    private string _grader = "";
    private string _gradedBy = "";
    private string _status = "";
    private string? _fault;
    private long _seed = 1;
    private long _written;
    private double _temperature = 1;
    private bool _sandbox;
    private bool _loaded;

    /// <summary>Name of the first model, from the address.</summary>
    [SupplyParameterFromQuery(Name = "left")]
    public string? Left { get; set; }

    /// <summary>Name of the second.</summary>
    [SupplyParameterFromQuery(Name = "right")]
    public string? Right { get; set; }

    [Inject]
    private Playground Playground { get; set; } = default!;

    [Inject]
    private GradingStore Gradings { get; set; } = default!;

    [Inject]
    private RunDataStore Library { get; set; } = default!;

    [Inject]
    private RunCheckpointStore Checkpoints { get; set; } = default!;

    [Inject]
    private ModelCatalog Catalog { get; set; } = default!;

    [Inject]
    private TextModels Servers { get; set; } = default!;

    [Inject]
    private AccessGuard Guard { get; set; } = default!;

    /// <inheritdoc/>
    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        await Catalog.RegisterBuiltInsAsync(_gone.Token);
        var first = Left is null ? null : await Checkpoints.FindAsync(Left, _gone.Token);
        await LoadAsync(first?.IsSandbox ?? !Servers.Names.Any());
    }

    private static string Short(string text) => text.Length <= GoalLength ? text : string.Concat(text.AsSpan(0, GoalLength), "…");

    private static string Facts(PlaygroundSide side) => string.Create(
        CultureInfo.InvariantCulture,
        $"{side.Plan.Tokens} tokens in {side.Took.TotalSeconds:0.0} s{(side.Plan.Finished ? "" : " · not finished")}{(side.Plan is { Fault: { } fault, Text: not null } ? $" · out of form: {fault}" : "")}");

    private static string Score(PlaygroundSide side) => side.Grade is not { } grade ? "no plan" : grade.Score?.ToString("0.00", CultureInfo.InvariantCulture) ?? $"ungraded: {grade.Failure}";

    private static string Verdict(PlaygroundSide side, RunItem item)
    {
        var id = RubricItemId.From(Guid.Parse(item.Id));
        var verdict = side.Grade?.Verdicts.FirstOrDefault(verdict => verdict.ItemId == id);
        return verdict is null ? "–" : (verdict.Met ? "met" : "not met") + (verdict.Probability is { } probability ? string.Create(CultureInfo.InvariantCulture, $", p = {probability:0.00}") : "");
    }

    private Task ChooseDataAsync(ChangeEventArgs change) => LoadAsync(change.Value as string == "sandbox");

    private async Task LoadAsync(bool sandbox)
    {
        _sandbox = sandbox;
        _goals = [.. (await Library.TestGoalsAsync(sandbox, _gone.Token)).Take(GoalsShown)];
        _goal = _goals.Count > 0 ? _goals[0].Id : "";
        var checkpoints = (await Checkpoints.ListAsync(_gone.Token)).Where(checkpoint => checkpoint.IsSandbox == sandbox);
        _models = [.. checkpoints.Select(checkpoint => checkpoint.Name), .. sandbox ? [] : Servers.Names];
        _left = Known(Left) ?? (_models.Count > 0 ? _models[0] : "");
        _right = Known(Right) ?? _models.LastOrDefault(model => model != _left) ?? _left;
        _grader = sandbox ? RunSpec.Oracle : "";
        _loaded = true;

        string? Known(string? name) => name is not null && _models.Contains(name) ? name : null;
    }

    private async Task WriteAsync()
    {
        await Guard.RequireAsync(Roles.Researcher, _gone.Token);
        using var running = CancellationTokenSource.CreateLinkedTokenSource(_gone.Token);
        (_running, _fault, _result) = (running, null, null);
        try
        {
            var goal = await Gradings.FindGoalAsync(GoalId.From(Guid.Parse(_goal)), running.Token)
                ?? throw new InvalidDataException("The goal is no longer there: load the page again.");
            var (grader, seed) = (_grader.Length == 0 ? null : _grader, _seed);
            _result = await Task.Run(() => Playground.RunAsync(goal, [_left, _right], grader, Math.Clamp(_temperature, 0, 2), seed, Tell, running.Token), running.Token);
            (_gradedBy, _written, _status) = (grader ?? "", seed, "Done.");
        }
        catch (OperationCanceledException)
        {
            _status = "Stopped.";
        }
        catch (Exception fault) when (fault is InvalidDataException or TextModelException or IOException)
        {
            (_fault, _status) = (fault.Message, "");
        }
        finally
        {
            _running = null;
        }
    }

    private void Stop() => _running?.Cancel();

    private void Tell(string doing) => _ = InvokeAsync(() =>
    {
        _status = doing;
        StateHasChanged();
    });
}
