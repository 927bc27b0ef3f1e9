using CoScientist.Core.Studies;
using CoScientist.Web.ViewModels;
using Microsoft.JSInterop;

namespace CoScientist.Web.Components.Pages.Compare;

/// <content>What is filled in, from the first field to the answer.</content>
public sealed partial class ComparePair
{
    // A day, in milliseconds.
    private const double LongestStretch = 86_400_000;

    /// <summary>Called from the browser, before what a key or a click does: so that an answer waits for no question to the browser.</summary>
    /// <param name="milliseconds">Time at work since the last call.</param>
    [JSInvokable]
    public void Worked(double milliseconds) => _active += double.IsFinite(milliseconds) ? Math.Clamp(milliseconds, 0, LongestStretch) : 0;

    private static string DraftName(BlindPair pair) => $"reason-{pair.Assignment}";

    private void TakeDraft(BlindPair pair, AnswerDraft draft)
    {
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

    private async Task SubmitAsync()
    {
        if (_busy || _pair is not { } pair || Choice is not { } choice)
        {
            return;
        }

        _typing?.Cancel();
        await ActAsync(async expert =>
        {
            (_savedAt, var next) = _study!.Form.IsQuick
                ? await AnswerAsync(pair, choice, expert)
                : await SubmitFormAsync(pair, expert);
            (_reason, _forget) = ("", DraftName(pair));
            await ShowAsync(next, expert);
        });
    }

    private async Task<(DateTimeOffset At, ExpertTurn Next)> AnswerAsync(BlindPair pair, PreferenceChoice choice, string expert)
    {
        await _saving;
        return await Store.AnswerAndGoOnAsync(pair.Assignment, expert, choice, _reason, (long)_active, CancellationToken.None);
    }

    private async Task<(DateTimeOffset At, ExpertTurn Next)> SubmitFormAsync(BlindPair pair, string expert)
    {
        await FlushReasonAsync();
        return await Store.SubmitAndGoOnAsync(pair.Assignment, expert, (long)_active, CancellationToken.None);
    }
}
