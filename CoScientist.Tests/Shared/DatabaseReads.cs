using System.Data.Common;
using System.Diagnostics;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace CoScientist.Tests.Shared;

/// <summary>Counts what EF Core reads from the database of one data directory, until it is disposed.</summary>
public sealed class DatabaseReads : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>, IDisposable
{
    private readonly string _database;
    private readonly List<IDisposable> _subscriptions = [];
    private int _queries;
    private int _rows;

    /// <summary>Begins to count.</summary>
    /// <param name="folder">The data directory.</param>
    public DatabaseReads(string folder)
    {
        var address = TestData.Database(folder);
        _database = DatabaseAddress.IsPostgres(address) ? (string)new DbConnectionStringBuilder { ConnectionString = address }["Database"] : address;
        _subscriptions.Add(DiagnosticListener.AllListeners.Subscribe(this));
    }

    /// <summary>Queries that were read to their end.</summary>
    public int Queries => Volatile.Read(ref _queries);

    /// <summary>Rows of these.</summary>
    public int Rows => Volatile.Read(ref _rows);

    public void Dispose()
    {
        lock (_subscriptions)
        {
            _subscriptions.ForEach(subscription => subscription.Dispose());
        }
    }

    public void OnNext(DiagnosticListener value)
    {
        if (value.Name == DbLoggerCategory.Name)
        {
            lock (_subscriptions)
            {
                _subscriptions.Add(value.Subscribe(this));
            }
        }
    }

    public void OnNext(KeyValuePair<string, object?> value)
    {
        if (value.Value is DataReaderDisposingEventData read && read.Command.Connection is { } connection && (connection.DataSource == _database || connection.Database == _database))
        {
            Interlocked.Increment(ref _queries);
            Interlocked.Add(ref _rows, read.ReadCount);
        }
    }

    public void OnCompleted()
    {
    }

    public void OnError(Exception error)
    {
    }
}
