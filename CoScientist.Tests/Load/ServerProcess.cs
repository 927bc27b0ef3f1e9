using System.Diagnostics;
using System.Globalization;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;

namespace CoScientist.Tests.Load;

/// <summary>The built server as a process of its own, so that it can be killed, started again and weighed.</summary>
/// <param name="dataDirectory">Its data.</param>
/// <param name="port">Where it listens in each of its lives; 0 for anywhere.</param>
internal sealed class ServerProcess(string dataDirectory, int port = 0) : IAsyncDisposable
{
    private const string Mark = "CoScientist is at ";

    private readonly List<string> _said = [];
    private Process? _process;
    private Task _reading = Task.CompletedTask;
    private TimeSpan _earlier;
    private TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Where it is, as soon as it is there.</summary>
    public Task<Uri> Address => Volatile.Read(ref _address).Task;

    /// <summary>How runs name it as their worker, while it lives.</summary>
    public string Worker => string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}:{_process!.Id}");

    /// <summary>Processor time of all its lives.</summary>
    public TimeSpan Processor
    {
        get
        {
            _process!.Refresh();
            return _earlier + _process.TotalProcessorTime;
        }
    }

    /// <summary>Bytes of memory that it holds (resident set).</summary>
    public long Memory
    {
        get
        {
            _process!.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>What it wrote besides its address: warnings and errors.</summary>
    public IReadOnlyList<string> Said
    {
        get
        {
            lock (_said)
            {
                return [.. _said];
            }
        }
    }

    /// <summary>Starts it and waits until it listens.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _process = Run("serve", "--urls", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        while (await _process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
            {
                _reading = ReadAsync(_process.StandardOutput);
                _address.SetResult(new Uri(line[Mark.Length..].Trim()));
                return;
            }
        }

        throw new InvalidOperationException("The server ended before it said where it is.");
    }

    /// <summary>Kills it with SIGKILL: it gets no chance to write anything.</summary>
    public async Task KillAsync()
    {
        Volatile.Write(ref _address, new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously));
        _earlier = Processor;
        _process!.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        await _reading;
        _process.Dispose();
        _process = null;
    }

    /// <summary>Runs <c>doctor</c> over the data: its exit code.</summary>
    public async Task<int> DoctorAsync(CancellationToken cancellationToken)
    {
        using var doctor = Run("doctor");
        _ = await doctor.StandardOutput.ReadToEndAsync(cancellationToken);
        await doctor.WaitForExitAsync(cancellationToken);
        return doctor.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await KillAsync();
        }
    }

    private Process Run(string verb, params string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(CoScientistOptions).Assembly.Location, verb, .. TestData.Arguments(dataDirectory), .. arguments])
    {
        RedirectStandardOutput = true,
        UseShellExecute = false,

        // A proxy before it is believed.
        Environment = { ["CoScientist__Proxies__0"] = "127.0.0.1" },
    })!;

    private async Task ReadAsync(StreamReader output)
    {
        while (await output.ReadLineAsync(CancellationToken.None) is { } line)
        {
            lock (_said)
            {
                _said.Add(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss} {line}"));
            }
        }
    }
}
