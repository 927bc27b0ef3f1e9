using System.Data.Common;
using CoScientist.Core;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using CoScientist.Web.Components.Controls;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.EntityFrameworkCore;
using Microsoft.JSInterop;

namespace CoScientist.Web.Components.Pages.Compare;

/// <summary>
/// One pair after the other. A choice is stored at once; while the reason is open it is only marked, and submitting stores both. What
/// is shown as saved has been read from the database.
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
        new("r", "Give a reason, or close it"),
        new("ctrl+enter", "Submit with the reason"),
        new("z", "Undo the last answer"),
    ];

    private ExpertStudy? _study;
    private ExpertStudy? _next;
    private BlindPair? _pair;
    private PreferenceChoice? _choice;
    private string _reason = "";
    private bool _withReason;
    private bool _loaded;
    private bool _busy;
    private bool _shown;
    private DateTimeOffset? _savedAt;
    private string? _fault;
    private IJSObjectReference? _module;

    /// <summary>The study.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    [Inject]
    public required StudyStore Store { get; set; }

    [Inject]
    public required IJSRuntime Js { get; set; }

    [Inject]
    internal AccessGuard Guard { get; set; } = default!;

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_module is not null)
            {
                await _module.InvokeVoidAsync("stop");
                await _module.DisposeAsync();
            }
        }
        catch (JSDisconnectedException)
        {
            // The browser is gone.
        }
    }

    protected override async Task OnParametersSetAsync()
    {
        await LoadAsync(await Guard.RequireAsync(Roles.Expert, CancellationToken.None));
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
        }
    }

    private static string DraftName(BlindPair pair) => $"reason-{pair.Assignment}";

    private async Task LoadAsync(string expert)
    {
        if (!TypedId.TryParse<StudyId>(Id, out var id))
        {
            return;
        }

        _study = await Store.ForExpertAsync(id, expert, CancellationToken.None);
        _pair = _study is null ? null : await Store.NextAsync(id, expert, CancellationToken.None);
        _choice = _pair?.TakenBack;
        _reason = _pair?.TakenBackReason ?? "";
        _withReason = _withReason || _reason.Length > 0;
        _shown = true;
        if (_study is not null && _pair is null)
        {
            _next = (await Store.ForExpertAsync(expert, CancellationToken.None)).FirstOrDefault(s => s.State == StudyState.Open && s.Left > 0);
        }
    }

    private Task HandleAsync(string key) => key switch
    {
        "a" => ChooseAsync(PreferenceChoice.A),
        "b" => ChooseAsync(PreferenceChoice.B),
        "e" => ChooseAsync(PreferenceChoice.Tie),
        "n" => ChooseAsync(PreferenceChoice.BothBad),
        "r" => OpenReasonAsync(),
        "z" => UndoAsync(),
        _ => SubmitAsync(),
    };

    // The second click of a double click would answer the next pair.
    private Task ClickAsync(PreferenceChoice choice, MouseEventArgs click) => click.Detail > 1 ? Task.CompletedTask : ChooseAsync(choice);

    private Task ChooseAsync(PreferenceChoice choice)
    {
        if (_busy || _pair is null)
        {
            return Task.CompletedTask;
        }

        _choice = choice;
        return _withReason ? Task.CompletedTask : SubmitAsync();
    }

    private void ToggleReason() => _withReason = !_withReason;

    private async Task OpenReasonAsync()
    {
        ToggleReason();
        if (_withReason && _module is not null)
        {
            StateHasChanged();
            await _module.InvokeVoidAsync("focus", "reason");
        }
    }

    // Also called when the draft of a lost connection is put back: the panel opens so that it is seen.
    private void ShowReason() => _withReason = _withReason || _reason.Length > 0;

    private Task SubmitAsync() => _pair is { } pair && _choice is { } choice
        ? ActAsync(async expert =>
        {
            var milliseconds = _module is null ? 0 : await _module.InvokeAsync<double>("take");
            _savedAt = await Store.AnswerAsync(pair.Assignment, expert, choice, _reason, (long)milliseconds, CancellationToken.None);
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
            await action(await Guard.RequireAsync(Roles.Expert, CancellationToken.None));
        }
        catch (StudyException fault)
        {
            _fault = fault.Message;
        }
        catch (Exception fault) when (fault is DbException or DbUpdateException)
        {
            _fault = "The database did not take the answer, so it is not saved. What you typed is kept: submit it again.";
        }
        finally
        {
            _busy = false;
        }
    }
}
