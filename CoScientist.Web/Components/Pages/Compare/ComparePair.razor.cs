using System.Data.Common;
using CoScientist.Core;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using CoScientist.Web.Components.Controls;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.EntityFrameworkCore;
using Microsoft.JSInterop;

namespace CoScientist.Web.Components.Pages.Compare;

/// <summary>
/// One pair after the other. Where only the preference is asked, one key answers; else every field is stored as it changes and submitting
/// makes them the answer. The time shown as saved is the one stored in the database.
/// </summary>
public sealed partial class ComparePair : IAsyncDisposable
{
    private static readonly (PreferenceChoice Choice, string Key, string Text, string Brief)[] s_choices =
    [
        (PreferenceChoice.A, "A", "Plan A is better", "A better"),
        (PreferenceChoice.Tie, "E", "Equally good", "Equal"),
        (PreferenceChoice.BothBad, "N", "Neither is acceptable", "Neither"),
        (PreferenceChoice.B, "B", "Plan B is better", "B better"),
    ];

    private static readonly Hotkey[] s_keys =
    [
        new("a", "Plan A is better"),
        new("b", "Plan B is better"),
        new("e", "Equally good"),
        new("n", "Neither is acceptable"),
        new("r", "Give a reason"),
        new("s", "Skip this pair"),
        new("f", "Flag this pair"),
        new("ctrl+enter", "Submit"),
        new("z", "Undo the last answer"),
    ];

    private static readonly Hotkey[] s_formKeys =
    [
        .. s_keys,
        new("arrowdown", "Next question"),
        new("arrowup", "Question before"),
        new("arrowright", "Next answer to the question"),
        new("arrowleft", "Answer before"),
        new("1", "Answer 1 to 9 to the question; 0 is ten"),
    ];

    private static readonly string[] s_numbers = ["2", "3", "4", "5", "6", "7", "8", "9", "0"];
    private static readonly string[] s_skips = ["Outside my field", "I know the authors or the paper", "I cannot read it"];
    private static readonly string[] s_flags = ["A plan is cut off", "A plan tells who wrote it", "The goal is not clear", "Text is broken"];

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
    private DateTimeOffset? _savedAt;
    private string? _fault;
    private Task _saving = Task.CompletedTask;
    private CancellationTokenSource? _typing;
    private IJSObjectReference? _module;

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
            await _module.InvokeVoidAsync("start");
        }
        else if (_shown && _module is not null)
        {
            _shown = false;
            await _module.InvokeVoidAsync("top");
            await _module.InvokeVoidAsync("markStructure", _structure);
        }
    }

    private static string DraftName(BlindPair pair) => $"reason-{pair.Assignment}";

    private async Task LoadAsync(string expert)
    {
        if (!TypedId.TryParse<StudyId>(Id, out var id))
        {
            return;
        }

        // The next pair first: it takes a place, which the counts then show.
        _pair = await Store.NextAsync(id, expert, CancellationToken.None);
        _study = await Store.ForExpertAsync(id, expert, CancellationToken.None);
        (_aside, _asideText, _shown) = (Aside.None, "", true);
        if (_pair is null)
        {
            _values.Clear();
            _next = _study is null ? null : (await Store.ForExpertAsync(expert, CancellationToken.None)).FirstOrDefault(s => s.State == StudyState.Open && s.Left > 0 && s.Id != id);
            return;
        }

        await LoadDraftAsync(_pair, expert);
        _reason = _values.GetValueOrDefault(AnswerField.Reason) ?? _pair.TakenBackReason ?? "";
        _withReason = _withReason || _reason.Length > 0 || _study!.Form.ReasonRequired;
        _current = FirstOpen();
    }

    private async Task LoadDraftAsync(BlindPair pair, string expert)
    {
        var draft = await Store.DraftAsync(pair.Assignment, expert, CancellationToken.None);
        _values.Clear();
        foreach (var (field, value) in draft.Values)
        {
            _values[field] = value;
        }

        (_items, _choiceSaved) = (draft.Items, draft.Choice is not null);
        if (pair.TakenBack is { } choice)
        {
            _values.TryAdd(AnswerField.Choice, choice.ToString());
        }

        Ask();
    }

    private void Ask() => _questions = AnswerFields.Of(_study!.Form, Choice, _items, _choiceSaved);

    private Task HandleAsync(string key)
    {
        switch (key)
        {
            case "a":
                return ChooseAsync(PreferenceChoice.A);
            case "b":
                return ChooseAsync(PreferenceChoice.B);
            case "e":
                return ChooseAsync(PreferenceChoice.Tie);
            case "n":
                return ChooseAsync(PreferenceChoice.BothBad);
            case "r":
                return OpenReasonAsync();
            case "s" or "f":
                return OpenAsideAsync(key == "s" ? Aside.Skip : Aside.Flag);
            case "z":
                return UndoAsync();
            case "arrowdown" or "arrowup":
                return MoveAsync(key == "arrowdown" ? 1 : -1);
            case "arrowright" or "arrowleft":
                return StepAsync(key == "arrowright" ? 1 : -1);
            case [>= '0' and <= '9']:
                return PickAsync(key[0] == '0' ? 9 : key[0] - '1');
            default:
                return SubmitAsync();
        }
    }

    // The second click of a double click would answer the next pair.
    private Task ClickAsync(PreferenceChoice choice, MouseEventArgs click) => click.Detail > 1 ? Task.CompletedTask : ChooseAsync(choice);

    private Task ChooseAsync(PreferenceChoice choice)
    {
        if (_busy || _pair is null)
        {
            return Task.CompletedTask;
        }

        if (AnswersAtOnce)
        {
            _values[AnswerField.Choice] = choice.ToString();
            return SubmitAsync();
        }

        var saving = SetAsync(AnswerField.Choice, choice.ToString());
        _current = FirstOpen() ?? _current;
        return saving;
    }

    private string? FirstOpen() => _questions.FirstOrDefault(q => !_values.ContainsKey(q.Name))?.Name;

    private Task AnswerQuestionAsync(string field, string value)
    {
        _current = field;
        return SetAsync(field, value);
    }

    private Task PickAsync(int option) => Current() is { } question && option < question.Options.Count ? SetAsync(question.Name, question.Options[option].Value) : Task.CompletedTask;

    private Task StepAsync(int by)
    {
        if (Current() is not { } question)
        {
            return Task.CompletedTask;
        }

        var at = _values.TryGetValue(question.Name, out var value) ? question.Options.Select(o => o.Value).ToList().IndexOf(value) + by : by > 0 ? 0 : question.Options.Count - 1;
        return at >= 0 && at < question.Options.Count ? SetAsync(question.Name, question.Options[at].Value) : Task.CompletedTask;
    }

    private AnswerQuestion? Current() => _questions.FirstOrDefault(q => q.Name == _current) ?? (_questions.Count > 0 ? _questions[0] : null);

    private async Task MoveAsync(int by)
    {
        var at = _questions.Select(q => q.Name).ToList().IndexOf(_current ?? "");
        if (_questions.Count > 0 && _module is not null)
        {
            _current = _questions[Math.Clamp(at + by, 0, _questions.Count - 1)].Name;
            StateHasChanged();
            await _module.InvokeVoidAsync("reveal", ".answer-question.current");
        }
    }

    private void ToggleReason() => _withReason = !_withReason || _study!.Form.ReasonRequired;

    private async Task OpenReasonAsync()
    {
        // A reason that is needed or begun stays open: the key leads to it.
        _withReason = !_withReason || _study!.Form.ReasonRequired || _reason.Length > 0;
        if (_withReason && _module is not null)
        {
            StateHasChanged();
            await _module.InvokeVoidAsync("focus", "reason");
        }
    }

    private void Toggle(Aside aside) => (_aside, _asideText) = (_aside == aside ? Aside.None : aside, aside == Aside.Flag ? _values.GetValueOrDefault(AnswerField.Flag) ?? "" : "");

    private async Task OpenAsideAsync(Aside aside)
    {
        Toggle(aside);
        if (_aside != Aside.None && _module is not null)
        {
            StateHasChanged();
            await _module.InvokeVoidAsync("focus", "aside");
        }
    }

    private Task AsideAsync() => _pair is not { } pair ? Task.CompletedTask : ActAsync(async expert =>
    {
        if (_aside == Aside.Skip)
        {
            _savedAt = await Store.SkipAsync(pair.Assignment, expert, _asideText, CancellationToken.None);
            _skipped = true;
            await LoadAsync(expert);
        }
        else
        {
            _savedAt = await Store.SaveFieldAsync(pair.Assignment, expert, AnswerField.Flag, _asideText, CancellationToken.None);
            _values[AnswerField.Flag] = _asideText;
            _aside = Aside.None;
        }
    });

    private async Task LinkAsync(ChangeEventArgs change)
    {
        _linked = change.Value is true;
        await (_module?.InvokeVoidAsync("link", _linked) ?? ValueTask.CompletedTask);
    }

    private async Task MarkStructureAsync(ChangeEventArgs change)
    {
        _structure = change.Value is true;
        await (_module?.InvokeVoidAsync("markStructure", _structure) ?? ValueTask.CompletedTask);
    }

    // Shown at once, stored right after; stores of one page wait for each other, so that the last one typed is the last one stored.
    private Task SetAsync(string field, string? value)
    {
        if (_pair is not { } pair)
        {
            return Task.CompletedTask;
        }

        if (value is null)
        {
            _values.Remove(field);
        }
        else
        {
            _values[field] = value;
        }

        Ask();
        return _saving = SaveAsync(_saving, pair, field, value);
    }

    private async Task SaveAsync(Task before, BlindPair pair, string field, string? value)
    {
        await before;
        await GuardedAsync(async expert =>
        {
            _savedAt = await Store.SaveFieldAsync(pair.Assignment, expert, field, value, CancellationToken.None);
            _choiceSaved = _choiceSaved || field == AnswerField.Choice;
            Ask();
        });
        StateHasChanged();
    }

    // Also called when the draft of a lost connection is put back: the panel opens so that it is seen.
    private void ReasonChanged()
    {
        _withReason = _withReason || _reason.Length > 0;
        _typing?.Cancel();
        _typing?.Dispose();
        _typing = new CancellationTokenSource();
        _ = SaveReasonSoonAsync(_typing.Token);
    }

    private async Task SaveReasonSoonAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(500, cancellationToken);
            await FlushReasonAsync();
        }
        catch (OperationCanceledException)
        {
            // Typing goes on.
        }
    }

    private Task FlushReasonAsync() => _pair is not null && !string.Equals(_reason.Trim(), _values.GetValueOrDefault(AnswerField.Reason) ?? "", StringComparison.Ordinal)
        ? SetAsync(AnswerField.Reason, _reason.Trim() is { Length: > 0 } reason ? reason : null)
        : _saving;

    private Task SubmitAsync() => _pair is { } pair && Choice is { } choice
        ? ActAsync(async expert =>
        {
            _typing?.Cancel();
            var milliseconds = _module is null ? 0 : await _module.InvokeAsync<double>("take");
            if (_study!.Form.IsQuick)
            {
                await _saving;
                _savedAt = await Store.AnswerAsync(pair.Assignment, expert, choice, _reason, (long)milliseconds, CancellationToken.None);
            }
            else
            {
                await FlushReasonAsync();
                _savedAt = await Store.SubmitAsync(pair.Assignment, expert, (long)milliseconds, CancellationToken.None);
            }

            _reason = "";
            await LoadAsync(expert);
            if (_module is not null)
            {
                await _module.InvokeVoidAsync("forget", DraftName(pair));
            }
        })
        : Task.CompletedTask;

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
        catch (Exception fault) when (fault is DbException or DbUpdateException)
        {
            _fault = "The database did not take it, so it is not saved. What you typed is kept here: try again.";
        }
    }
}
