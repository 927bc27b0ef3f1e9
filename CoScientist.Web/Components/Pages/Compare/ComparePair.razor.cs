using CoScientist.Core;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.JSInterop;

namespace CoScientist.Web.Components.Pages.Compare;

/// <summary>
/// One pair after the other. Where only the preference is asked, one key answers; else every field is stored as it changes and submitting
/// makes them the answer. The time shown as saved is the one stored in the database.
/// </summary>
public sealed partial class ComparePair : IAsyncDisposable
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private ExpertStudy? _study;
    private ExpertStudy? _next;
    private BlindPair? _pair;
    private IReadOnlyList<FormItem> _items = [];
    private IReadOnlyList<AnswerQuestion> _questions = [];
    private string? _current;
    private string _reason = "";
    private string _asideText = "";
    private Aside _aside;
    private bool _choiceSaved;
    private bool _withReason;
    private bool _linked = true;
    private bool _structure;
    private bool _skipped;
    private bool _loaded;
    private bool _busy;
    private bool _shown;
    private double _active;
    private string? _forget;
    private DateTimeOffset? _savedAt;
    private string? _fault;
    private Task _saving = Task.CompletedTask;
    private CancellationTokenSource? _typing;
    private IJSObjectReference? _module;
    private DotNetObjectReference<ComparePair>? _self;

    private enum Aside
    {
        None,
        Skip,
        Flag,
    }

    /// <summary>The study.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    [Inject]
    public required StudyStore Store { get; set; }

    [Inject]
    public required IJSRuntime Js { get; set; }

    [Inject]
    internal AccessGuard Guard { get; set; } = default!;

    private PreferenceChoice? Choice => _values.TryGetValue(AnswerField.Choice, out var choice) ? Enum.Parse<PreferenceChoice>(choice) : null;

    // One key answers a pair when nothing else is asked or being written.
    private bool AnswersAtOnce => _study!.Form.IsQuick && !_withReason;

    public async ValueTask DisposeAsync()
    {
        if (_typing is not null)
        {
            await _typing.CancelAsync();
            _typing.Dispose();
        }

        try
        {
            if (_module is not null)
            {
                await _module.InvokeVoidAsync("stop");
                await _module.DisposeAsync();
            }
        }
        catch (Exception gone) when (gone is JSDisconnectedException or OperationCanceledException)
        {
            // The browser is gone, or too far to answer.
        }

        _self?.Dispose();
    }

    protected override async Task OnParametersSetAsync()
    {
        await GuardedAsync(LoadAsync);
        _savedAt = _study?.LastAnswerAt;
        _loaded = true;
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (firstRender)
        {
            _shown = false;
            _module = await Js.InvokeAsync<IJSObjectReference>("import", "/js/compare.js");
            _self = DotNetObjectReference.Create(this);
            await _module.InvokeVoidAsync("start", _self);
        }
        else if (_shown && _module is not null)
        {
            var forget = _forget;
            (_shown, _forget) = (false, null);
            await _module.InvokeVoidAsync("shown", forget, _structure);
        }
    }

    private async Task LoadAsync(string expert)
    {
        if (TypedId.TryParse<StudyId>(Id, out var id))
        {
            await ShowAsync(await Store.ShowAsync(id, expert, CancellationToken.None), expert);
        }
    }

    private async Task ShowAsync(ExpertTurn turn, string expert)
    {
        // Everything is read before anything changes: the page may be drawn while the database answers.
        var next = turn is { Pair: null, Study: { } study } ? (await Store.ForExpertAsync(expert, CancellationToken.None)).FirstOrDefault(s => s.State == StudyState.Open && s.Left > 0 && s.Id != study.Id) : null;
        (_study, _pair, _next) = (turn.Study, turn.Pair, next);
        (_aside, _asideText, _shown, _active) = (Aside.None, "", true, 0);
        if (_pair is null)
        {
            _values.Clear();
            return;
        }

        TakeDraft(_pair, turn.Draft!);
        _reason = _values.GetValueOrDefault(AnswerField.Reason) ?? _pair.TakenBackReason ?? "";
        _withReason = _withReason || _reason.Length > 0 || _study!.Form.ReasonRequired;
        _current = FirstOpen();
    }

    private Task UndoAsync() => _study is { } study
        ? ActAsync(async expert =>
        {
            _skipped = false;
            await Store.UndoAsync(study.Id, expert, CancellationToken.None);
            await LoadAsync(expert);
            _savedAt = _study?.LastAnswerAt;
        })
        : Task.CompletedTask;

    private async Task ActAsync(Func<string, Task> action)
    {
        if (_busy)
        {
            return;
        }

        (_busy, _fault) = (true, null);
        try
        {
            await GuardedAsync(action);
        }
        finally
        {
            _busy = false;
        }
    }

    private async Task GuardedAsync(Func<string, Task> action)
    {
        try
        {
            await action(await Guard.RequireAsync(Roles.Expert, CancellationToken.None));
        }
        catch (StudyException fault)
        {
            _fault = fault.Message;
        }
        catch (Exception fault) when (StorageFaults.Describe(fault) is not null)
        {
            _fault = "The database did not take it, so it is not saved. What you typed is kept here: try again.";
        }
    }
}
